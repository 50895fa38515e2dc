import { parseCellTags, type Progress, type StageProgress } from '@aglais/protocol';
import type { JobOrigin } from '../eventlog/spark-event.js';
import type { CellObservation, Outcome } from '../observation.js';

/** Findings outside any cell and any query belong to the application. */
export const APPLICATION_SCOPE = 'application';

const RECENT_STAGES = 20;

/**
 * For whom Spark works: a run of a cell, else a streaming query with all its micro-batches, else an SQL execution,
 * else a single job.
 */
export interface Scope {
  readonly key: string;
  readonly cell: string | null;
  readonly run: number | null;
  /** What the notebook says about the cell; null if it said nothing. */
  outcome: Outcome | null;
  error: { name: string; message: string } | null;
  startedAt: number | null;
  endedAt: number | null;
  /** When its last job ended. */
  lastJobAt: number | null;
  readonly jobs: { total: number; done: number; failed: number };
  /** Jobs that failed by themselves: not cancelled, not cut off by the end of the application. */
  readonly failures: Map<number, string>;
  readonly openJobs: Set<number>;
  readonly openStages: Set<number>;
  /** Tasks of stages that were let go. */
  readonly settled: { total: number; done: number; failed: number };
  readonly recentStages: StageProgress[];
}

export interface CellState {
  cell: string;
  run: number;
  /** Null if only jobs were seen and the notebook said nothing. */
  outcome: Outcome | null;
  error: { name: string; message: string } | null;
  startedAt: number | null;
  endedAt: number | null;
  progress: Progress;
}

export function cellKey(cell: string, run: number | null): string {
  return run === null ? `cell:${cell}` : `cell:${run}:${cell}`;
}

const STREAM = 'stream:';

export function isStream({ key }: Scope): boolean {
  return key.startsWith(STREAM);
}

export class Scopes {
  readonly #all = new Map<string, Scope>();

  constructor() {
    this.#open(APPLICATION_SCOPE, null, null);
  }

  [Symbol.iterator](): Iterator<Scope> {
    return this.#all.values();
  }

  find(key: string): Scope | null {
    return this.#all.get(key) ?? null;
  }

  get(key: string): Scope {
    return this.#all.get(key) ?? this.#open(key, null, null);
  }

  ofCell(cell: string, run: number | null): Scope {
    const key = cellKey(cell, run);
    return this.#all.get(key) ?? this.#open(key, cell, run);
  }

  /** Whom a job works for, by its properties. */
  ofJob(job: number, origin: JobOrigin): Scope {
    const tag = parseCellTags(origin.tags);
    if (tag) return this.ofCell(tag.cell, tag.run);
    if (origin.stream !== null) return this.get(`${STREAM}${origin.stream}`);
    return this.get(origin.sql === null ? `job:${job}` : `sql:${origin.sql}`);
  }

  /** What the notebook says of a cell; the outcome wins over `running`, the newest over older ones. */
  observeCell(cell: CellObservation): Scope {
    const scope = this.ofCell(cell.cell, cell.run);
    if (cell.outcome === 'running') {
      scope.outcome ??= 'running';
      scope.startedAt = Math.min(scope.startedAt ?? Infinity, cell.at);
    } else if (scope.endedAt === null || cell.at >= scope.endedAt) {
      scope.outcome = cell.outcome;
      scope.endedAt = cell.at;
      scope.error = cell.error ?? null;
    }
    return scope;
  }

  /** Forgets a scope that is no cell, when its work is over and nothing happened to it. */
  evict(scope: Scope): void {
    // A stream is never over: its next batch comes.
    if (scope.cell !== null || scope.key === APPLICATION_SCOPE || isStream(scope)) return;
    this.#all.delete(scope.key);
  }

  #open(key: string, cell: string | null, run: number | null): Scope {
    const scope: Scope = {
      key,
      cell,
      run,
      outcome: null,
      error: null,
      startedAt: null,
      endedAt: null,
      lastJobAt: null,
      jobs: { total: 0, done: 0, failed: 0 },
      failures: new Map(),
      openJobs: new Set(),
      openStages: new Set(),
      settled: { total: 0, done: 0, failed: 0 },
      recentStages: []
    };
    this.#all.set(key, scope);
    return scope;
  }
}

/** Remembers a stage attempt that is over, for the progress display. */
export function rememberStage(scope: Scope, progress: StageProgress): void {
  scope.recentStages.push(progress);
  if (scope.recentStages.length > RECENT_STAGES) scope.recentStages.shift();
}

export { RECENT_STAGES };
