import { parseCellTags, type Progress, type StageProgress } from '@aglais/protocol';
import type { JobOrigin } from '../eventlog/spark-event.js';
import type { CellObservation, Outcome } from '../observation.js';

/** Findings that belong to no cell and no query. */
export const APPLICATION_SCOPE = 'application';

const RECENT_STAGES = 20;

/**
 * The unit that a job belongs to: a run of a cell, otherwise a streaming query with all its micro-batches, otherwise an
 * SQL execution, otherwise the job itself.
 */
export interface Scope {
  readonly key: string;
  readonly cell: string | null;
  readonly run: number | null;
  /** The state of the cell as reported by the notebook; null if it was not reported. */
  outcome: Outcome | null;
  error: { name: string; message: string } | null;
  startedAt: number | null;
  endedAt: number | null;
  /** End time of its last job. */
  lastJobAt: number | null;
  readonly jobs: { total: number; done: number; failed: number };
  /** Jobs that failed by themselves: not cancelled, and not ended by the end of the application. */
  readonly failures: Map<number, string>;
  readonly openJobs: Set<number>;
  readonly openStages: Set<number>;
  /** Tasks of evicted stages. */
  readonly settled: { total: number; done: number; failed: number };
  readonly recentStages: StageProgress[];
}

export interface CellState {
  cell: string;
  run: number;
  /** Null if it has only jobs and the notebook reported nothing. */
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

  /** The scope of a job, from its properties. */
  ofJob(job: number, origin: JobOrigin): Scope {
    const tag = parseCellTags(origin.tags);
    if (tag) return this.ofCell(tag.cell, tag.run);
    if (origin.stream !== null) return this.get(`${STREAM}${origin.stream}`);
    return this.get(origin.sql === null ? `job:${job}` : `sql:${origin.sql}`);
  }

  /**
   * The notebook reports the state of a cell; an outcome takes precedence over `running`, a newer state over older
   * ones.
   */
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

  /** Evicts a scope that is not a cell when its work has ended without problems. */
  evict(scope: Scope): void {
    // A stream does not end with its batch.
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

/** Records an ended stage attempt for the progress display. */
export function rememberStage(scope: Scope, progress: StageProgress): void {
  scope.recentStages.push(progress);
  if (scope.recentStages.length > RECENT_STAGES) scope.recentStages.shift();
}

export { RECENT_STAGES };
