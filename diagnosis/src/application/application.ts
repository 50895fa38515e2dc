import type { SparkEvent } from '../eventlog/spark-event.js';
import type {
  CellObservation,
  CgroupObservation,
  ClientObservation,
  KernelDeathObservation,
  LogObservation,
  MemoryObservation,
  PodEventObservation,
  PodObservation,
  CapacityObservation,
  ShareObservation,
  YarnObservation
} from '../observation.js';
import { LogSignals } from './log-signals.js';
import { applyEvent } from './apply-event.js';
import { grantedMemory, type GrantedMemory } from './granted-memory.js';
import { Dag } from './dag.js';
import { Executors } from './executors.js';
import { TimelineHistory } from './timeline.js';
import { MemoryFacts } from './memory-facts.js';
import { ShareOutages } from './share-outages.js';
import { PerformanceTracker } from './performance-tracker.js';
import { Pods } from './pod-facts.js';
import { Scopes, type Scope } from './scopes.js';
import { LostWorkTable } from './lost-work.js';
import { SqlExecutions } from './sql-executions.js';
import type { Stage } from './stages.js';
import { Tasks } from './tasks.js';
import { ExecutorWaits } from './executor-waits.js';

/** What changed since the last `drainChanges`. */
export interface Changes {
  /** Keys of cell scopes. */
  readonly cells: Set<string>;
  findings: boolean;
  resources: boolean;
  /** Memory use of processes, which changes all the time. */
  memory: boolean;
}

export const noChanges = (): Changes => ({
  cells: new Set(),
  findings: false,
  resources: false,
  memory: false
});

/** Collections whose size shows that memory is bounded. */
export type Held =
  'jobs' | 'stages' | 'tasks' | 'scopes' | 'lostWork' | 'slow' | 'tables' | 'history';

/**
 * The observed state of one Spark application, which detectors read. Its size is bounded: finished jobs and
 * stages without problems are evicted; problems are recorded in `lostWork`.
 */
export class Application {
  id: string | null = null;
  name = '';
  sparkVersion: string | null = null;
  conf: Readonly<Record<string, string>> = {};
  granted: GrantedMemory = grantedMemory({});
  startedAt: number | null = null;
  endedAt: number | null = null;
  /** The first sign that the application was being stopped, ms since the epoch. */
  shutdownAt: number | null = null;
  /** The latest time in an event of Spark, ms since the epoch. */
  now = 0;
  /** The latest time of the observer's clock, ms since the epoch; 0 without an observer. */
  observerTime = 0;
  /** Its log is complete or its writer is gone. */
  logEnded = false;
  /** Number of events read from its log. */
  events = 0;
  /** The last event that was read: its name and line. */
  last = { event: '', ref: '' };
  readonly driver = new MemoryFacts();
  /** The Jupyter kernel of the notebook. */
  readonly kernel = new MemoryFacts();
  /** By time, because a death may be reported twice. */
  readonly kernelDeaths = new Map<number, KernelDeathObservation>();
  /** A cgroup shared by all executors. */
  readonly sharedCgroup = new MemoryFacts();
  readonly executors = new Executors();
  readonly scopes = new Scopes();
  readonly lostWork = new LostWorkTable();
  readonly pods = new Pods();
  readonly outages = new ShareOutages();
  readonly logSignals = new LogSignals();
  readonly waits = new ExecutorWaits();
  readonly sql = new SqlExecutions();
  readonly performance = new PerformanceTracker(this);
  readonly history = new TimelineHistory();
  readonly dag = new Dag(this);
  readonly jobs = this.dag.jobs;
  readonly stages = this.dag.stages;
  readonly tasks = new Tasks(this);
  changes: Changes = noChanges();

  /** Applies an event of its log. */
  apply(event: SparkEvent, ref: string): void {
    this.events += 1;
    this.last = { event: event.type, ref };
    applyEvent(this, event, ref);
  }

  observeCgroup(reading: CgroupObservation): void {
    const { executor } = reading;
    const memory =
      executor === 'driver'
        ? this.driver
        : executor === 'kernel'
          ? this.kernel
          : executor === '*'
            ? this.sharedCgroup
            : this.executors.get(executor).memory;
    memory.addCgroup(reading);
    this.changes.findings = this.changes.resources = true;
  }

  observeKernelDeath(death: KernelDeathObservation): void {
    // A repeated report may lack the cell, because the first one ended it.
    if (death.cell !== null || !this.kernelDeaths.has(death.at)) {
      this.kernelDeaths.set(death.at, death);
    }
    this.changes.findings = true;
  }

  observePod(pod: PodObservation): void {
    this.pods.observe(pod);
    this.changes.findings = this.changes.resources = true;
  }

  observePodEvent(event: PodEventObservation): void {
    this.pods.observeEvent(event);
    this.changes.findings = true;
  }

  observeLog(log: LogObservation): void {
    this.logSignals.observeLog(log);
    this.changes.findings = true;
  }

  observeClient(client: ClientObservation): void {
    this.logSignals.observeClient(client);
    this.changes.findings = true;
  }

  observeYarn(report: YarnObservation): void {
    this.logSignals.observeYarn(report);
    this.changes.findings = true;
  }

  observeCapacity(capacity: CapacityObservation): void {
    this.logSignals.observeCapacity(capacity);
    this.changes.findings = true;
  }

  observeShare(probe: ShareObservation): void {
    this.outages.observe(probe);
    this.changes.findings = true;
  }

  /** Advances the observer's clock: waits become longer. */
  observeTime(at: number): void {
    this.observerTime = Math.max(this.observerTime, at);
    if (this.waits.open.length > 0) this.changes.findings = true;
  }

  observeEnd(): void {
    this.logEnded = true;
    this.changes.findings = true;
  }

  observeMemory(sample: MemoryObservation): void {
    const executor = sample.who === 'driver' ? null : this.executors.get(sample.who.executor);
    (executor?.memory ?? this.driver).addSample(sample);
    this.changes.memory = true;
    if (executor?.affected) this.changes.findings = true;
  }

  observeCell(cell: CellObservation): void {
    this.markChanged(this.scopes.observeCell(cell));
    this.observeTime(cell.at);
    const { error, at, run } = cell;
    if (error) {
      // The error of a cell is the error of its client.
      const ref = `cell ${cell.cell}`;
      const of = { cell: cell.cell, run, at, ref };
      this.logSignals.observeClient({ kind: 'client', ...error, ...of });
    }
    this.changes.findings = true;
  }

  /** Marks the scope of a stage as changed. */
  markStageChanged(stage: Stage): void {
    this.markChanged(this.scopes.get(stage.scope));
  }

  get held(): Record<Held, number> {
    return {
      jobs: this.jobs.size,
      stages: this.stages.size,
      tasks: this.tasks.running,
      scopes: [...this.scopes].length,
      lostWork: [...this.lostWork].length,
      slow: this.performance.slow.size,
      tables: this.performance.caches.size,
      history: this.history.size
    };
  }

  /** An event of Spark has this time, ms since the epoch. */
  advanceClock(at: number): void {
    if (at > this.now) this.now = at;
  }

  /** Marks a scope as changed. */
  markChanged(scope: Scope): void {
    if (scope.cell !== null) this.changes.cells.add(scope.key);
    this.changes.resources = true;
  }
}
