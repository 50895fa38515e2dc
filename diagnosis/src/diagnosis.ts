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

/** What has changed since the last call of `drainChanges`. */
export interface DrainedChanges {
  /** Runs of cells whose state or progress changed. */
  cells: { cell: string; run: number }[];
  findings: {
    /** Ids of findings that are new or have changed. */
    changed: string[];
    /** Ids of findings that later evidence withdrew or replaced. */
    withdrawn: string[];
  };
  /** Executors, running stages or tables have changed. */
  resources: boolean;
  /** The memory use of processes has changed. */
  memory: boolean;
}

const NO_PROGRESS: Progress = {
  jobs: { total: 0, done: 0, failed: 0 },
  tasks: { total: 0, running: 0, done: 0, failed: 0 },
  stages: []
};

/** Findings about executors whose exit was not planned. */
const DEATHS = /^executor-/;

/** Maximum number of names for which skipped events are counted; a corrupt log could contain any number. */
const SKIPPED_KINDS = 200;

/**
 * Diagnoses one Spark application: takes observations as they arrive and gives its findings at any time. The events of
 * one log must arrive in order; everything else may arrive at any time and gives the same findings. Does no I/O and
 * never throws on evidence.
 */
export class Diagnosis {
  readonly problems = new Problems();
  /** Number of events that the diagnosis does not use, by name. */
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
   * The log is complete: it was read to its end, or its writer is gone. Only then is a log without an end an incomplete
   * one. Other evidence may still arrive.
   */
  close(): void {
    this.observe({ kind: 'end' });
  }

  /** A line of evidence could not be read: it is counted, and reading continues. */
  report(ref: string, message: string): void {
    this.problems.add({ ...placeOf(ref), message });
  }

  /** All findings, the most severe first. An incident keeps its id when more of it is observed. */
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
    /** Whether the log contains the end of the application. */
    complete: boolean;
    startedAt: number | null;
    /** The end, otherwise the latest time in the log; ms since the epoch. */
    endedAt: number | null;
  } {
    const { id, name, sparkVersion, startedAt, endedAt, now } = this.#app;
    return {
      ...{ id, name, sparkVersion, startedAt },
      complete: endedAt !== null,
      endedAt: endedAt ?? (now > 0 ? now : null)
    };
  }

  /** Progress of the jobs of a run of a cell; all zero for a run without jobs. */
  progress(cell: string, run: number): Progress {
    const scope = this.#scopeOf(cell, run);
    return scope ? this.#app.dag.progress(scope) : NO_PROGRESS;
  }

  /** State of one run of a cell; null if unknown. */
  cellRun(cell: string, run: number): CellState | null {
    const scope = this.#scopeOf(cell, run);
    return scope ? this.#describeCell(scope) : null;
  }

  /** All known runs of cells, in order of their first observation. */
  cellRuns(): CellState[] {
    return [...this.#app.scopes]
      .filter(({ cell, run }) => cell !== null && run !== null)
      .map(scope => this.#describeCell(scope));
  }

  /** Active executors, and lost ones that are still kept. */
  executors(): Executor[] {
    return executorsOf(this.#app);
  }

  /** Memory of the driver, latest sample. */
  driverMemory(): Memory {
    return driverMemoryOf(this.#app);
  }

  /** Memory over time of the driver (first) and the executors. */
  usage(): ProcessUsage[] {
    return usageOfAll(this.#app);
  }

  /** Tables that are or were cached, and how much of each is stored. */
  tables(): CachedTable[] {
    return tablesOf(this.#app);
  }

  runningStages(): StageProgress[] {
    return runningStagesOf(this.#app);
  }

  /** All resource data: memory over time, cached tables, running work and the timeline. */
  resources(): Resources {
    const killed = this.findings().flatMap(({ code, subject }) =>
      DEATHS.test(code) ? (subject.executors ?? []) : []
    );
    return resourcesOf(this.#app, new Set(killed));
  }

  /** Sizes of its collections; they may grow with incidents, but not with the length of the log. */
  get memoryHeld(): Record<Held, number> {
    return this.#app.held;
  }

  /** What has changed since the last call. */
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
