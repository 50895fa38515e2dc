import type {
  CachedTable,
  Executor,
  Finding,
  Memory,
  ProcessUsage,
  Progress,
  Resources,
  StageProgress
} from '@aglais/protocol';
import { Application, noChanges, type Held } from './application/application.js';
import {
  driverMemoryOf,
  executorsOf,
  resourcesOf,
  runningStagesOf,
  tablesOf,
  usageOfAll
} from './application/resource-usage.js';
import { cellKey, type CellState, type Scope } from './application/scopes.js';
import { detect } from './detectors/detect.js';
import { readEvent } from './eventlog/read-event.js';
import { fields } from './eventlog/json-fields.js';
import type { Observation } from './observation.js';
import { placeOf, Problems } from './reading-problems.js';

/** What is different since `drainChanges` was last called. */
export interface DrainedChanges {
  /** Runs of cells whose state or progress changed. */
  cells: { cell: string; run: number }[];
  findings: {
    /** Ids of findings that are new or say something else now. */
    changed: string[];
    /** Ids of findings that later evidence took back or replaced by another. */
    withdrawn: string[];
  };
  /** Executors, running stages or tables changed. */
  resources: boolean;
  /** How full the memory of processes is changed. */
  memory: boolean;
}

const NO_PROGRESS: Progress = {
  jobs: { total: 0, done: 0, failed: 0 },
  tasks: { total: 0, running: 0, done: 0, failed: 0 },
  stages: []
};

/** Findings whose executors did not go by plan. */
const DEATHS = /^executor-/;

/** Kinds of skipped events to count by name; a damaged log could name any number. */
const SKIPPED_KINDS = 200;

/**
 * Evidence in, findings out, for one Spark application. Feed it every observation as it comes; ask
 * it at any time. The events of one log must come in their order; everything else may come at any
 * time, late or early, and the findings end up the same. Does no I/O and never throws on evidence.
 */
export class Diagnosis {
  readonly problems = new Problems();
  /** Events that diagnosis has no use for, by name. */
  readonly skippedEvents = new Map<string, number>();
  readonly #app = new Application();
  #findings: Finding[] | null = null;
  #lastDrained: Finding[] = [];
  #drained = new Map<string, string>();

  observe(observation: Observation): void {
    switch (observation.kind) {
      case 'event':
        this.#observeEvent(observation.event, observation.ref);
        return;
      case 'cgroup':
        this.#app.observeCgroup(observation);
        return;
      case 'memory':
        this.#app.observeMemory(observation);
        return;
      case 'cell':
        this.#app.observeCell(observation);
        return;
      case 'kernel-died':
        this.#app.observeKernelDeath(observation);
        return;
      case 'log':
        this.#app.observeLog(observation);
        return;
      case 'pod':
        this.#app.observePod(observation);
        return;
      case 'pod-event':
        this.#app.observePodEvent(observation);
        return;
      case 'yarn':
        this.#app.observeYarn(observation);
        return;
      case 'client':
        this.#app.observeClient(observation);
        return;
      case 'capacity':
        this.#app.observeCapacity(observation);
        return;
      case 'share':
        this.#app.observeShare(observation);
        return;
      case 'time':
        this.#app.observeTime(observation.at);
        return;
      case 'end':
        this.#app.observeEnd();
        return;
    }
  }

  /**
   * No more of the log will come: it was read to its end, or its writer is gone. Only then a log
   * without an end is an incomplete one. Other evidence may still come.
   */
  close(): void {
    this.observe({ kind: 'end' });
  }

  /** A line of evidence that could not be read: counted, and the rest goes on. */
  report(ref: string, message: string): void {
    this.problems.add({ ...placeOf(ref), message });
  }

  /** All findings, the worst first. An incident keeps its id as more of it is seen. */
  findings(): Finding[] {
    if (this.#app.changes.findings || !this.#findings) {
      this.#findings = detect(this.#app);
      this.#app.changes.findings = false;
    }
    return this.#findings;
  }

  get application(): {
    id: string | null;
    name: string;
    sparkVersion: string | null;
    /** Whether the log has the application's end. */
    complete: boolean;
    startedAt: number | null;
    /** The end, or else the newest time that the log mentions; ms since the epoch. */
    endedAt: number | null;
  } {
    const { id, name, sparkVersion, startedAt, endedAt, now } = this.#app;
    return {
      ...{ id, name, sparkVersion, startedAt },
      complete: endedAt !== null,
      endedAt: endedAt ?? (now > 0 ? now : null)
    };
  }

  /** How far the jobs of a run of a cell have come; all zero for a run without jobs. */
  progress(cell: string, run: number): Progress {
    const scope = this.#scopeOf(cell, run);
    return scope ? this.#app.dag.progress(scope) : NO_PROGRESS;
  }

  /** State of one run of a cell; null if nothing was ever heard of it. */
  cellRun(cell: string, run: number): CellState | null {
    const scope = this.#scopeOf(cell, run);
    return scope ? this.#describeCell(scope) : null;
  }

  /** Every run of every cell that was heard of, in the order in which they were. */
  cellRuns(): CellState[] {
    return [...this.#app.scopes]
      .filter(({ cell, run }) => cell !== null && run !== null)
      .map(scope => this.#describeCell(scope));
  }

  /** Executors that are active, and those that were lost and are still remembered. */
  executors(): Executor[] {
    return executorsOf(this.#app);
  }

  /** The driver's memory, as last sampled. */
  driverMemory(): Memory {
    return driverMemoryOf(this.#app);
  }

  /** Memory over time of the driver (first) and the executors. */
  usage(): ProcessUsage[] {
    return usageOfAll(this.#app);
  }

  /** Tables that are, or were, marked to be cached, with how much of them is kept. */
  tables(): CachedTable[] {
    return tablesOf(this.#app);
  }

  runningStages(): StageProgress[] {
    return runningStagesOf(this.#app);
  }

  /** Memory over time, cached tables, what runs and what ran when: the whole resource picture. */
  resources(): Resources {
    const killed = this.findings().flatMap(({ code, subject }) =>
      DEATHS.test(code) ? (subject.executors ?? []) : []
    );
    return resourcesOf(this.#app, new Set(killed));
  }

  /** How much is remembered; it must grow with incidents, not with the length of the log. */
  get memoryHeld(): Record<Held, number> {
    return this.#app.held;
  }

  /** What changed since the last call. */
  drainChanges(): DrainedChanges {
    const { cells, resources, memory } = this.#app.changes;
    const findings = this.#drainFindings();
    this.#app.changes = noChanges();
    return {
      cells: [...cells].flatMap(key => {
        const { cell, run } = this.#app.scopes.get(key);
        return cell !== null && run !== null ? [{ cell, run }] : [];
      }),
      findings,
      resources,
      memory
    };
  }

  #drainFindings(): DrainedChanges['findings'] {
    const findings = this.findings();
    if (findings === this.#lastDrained) return { changed: [], withdrawn: [] };
    this.#lastDrained = findings;
    const now = new Map(findings.map(finding => [finding.id, JSON.stringify(finding)]));
    const changed = [...now].filter(([id, text]) => this.#drained.get(id) !== text);
    const withdrawn = [...this.#drained.keys()].filter(id => !now.has(id));
    this.#drained = now;
    return { changed: changed.map(([id]) => id), withdrawn };
  }

  #observeEvent(json: unknown, ref: string): void {
    const event = readEvent(json);
    if (typeof event === 'string') {
      const count = this.skippedEvents.get(event) ?? 0;
      if (count > 0 || this.skippedEvents.size < SKIPPED_KINDS) {
        this.skippedEvents.set(event, count + 1);
      }
    } else if ('malformed' in event) {
      this.report(ref, event.malformed);
    } else {
      this.#app.apply(event, ref);
      this.#app.last.event = fields(json)?.['Event'] as string;
    }
  }

  #scopeOf(cell: string, run: number): Scope | null {
    return this.#app.scopes.find(cellKey(cell, run));
  }

  #describeCell(scope: Scope): CellState {
    return {
      cell: scope.cell ?? '',
      run: scope.run ?? 0,
      outcome: scope.outcome,
      error: scope.error,
      startedAt: scope.startedAt,
      endedAt: scope.endedAt,
      progress: this.#app.dag.progress(scope)
    };
  }
}
