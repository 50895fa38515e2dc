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

/** What changed since somebody last looked. */
export interface Changes {
  /** Keys of cell scopes. */
  readonly cells: Set<string>;
  findings: boolean;
  resources: boolean;
  /** How full the memory of processes is, which changes all the time. */
  memory: boolean;
}

export const noChanges = (): Changes => ({
  cells: new Set(),
  findings: false,
  resources: false,
  memory: false
});

/** What is counted to see that memory is bounded. */
export type Held =
  'jobs' | 'stages' | 'tasks' | 'scopes' | 'lostWork' | 'slow' | 'tables' | 'history';

/**
 * One Spark application as far as it was observed: what detectors read. Bounded: jobs and stages
 * are let go when they are over and nothing happened to them; what happened is in `lostWork`.
 */
export class Application {
  id: string | null = null;
  name = '';
  sparkVersion: string | null = null;
  conf: Readonly<Record<string, string>> = {};
  granted: GrantedMemory = grantedMemory({});
  startedAt: number | null = null;
  endedAt: number | null = null;
  /** The first sign that the whole application was being stopped. */
  shutdownAt: number | null = null;
  /** The newest time that Spark mentioned. */
  now = 0;
  /** The newest time by the clock of whoever watches; 0 if nobody does. */
  observerTime = 0;
  /** No more of its log will come. */
  logEnded = false;
  /** Events of its log that were read. */
  events = 0;
  /** Where the log ends so far: the name of its last event that was read, and its line. */
  last = { event: '', ref: '' };
  readonly driver = new MemoryFacts();
  /** The notebook's own kernel. */
  readonly kernel = new MemoryFacts();
  /** By time: a report may come twice. */
  readonly kernelDeaths = new Map<number, KernelDeathObservation>();
  /** One cgroup in which all executors live. */
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

  /** What an event of its log says. */
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
    // Told again, its cell may have been ended by what was told first.
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

  observeYarn(said: YarnObservation): void {
    this.logSignals.observeYarn(said);
    this.changes.findings = true;
  }

  observeCapacity(room: CapacityObservation): void {
    this.logSignals.observeCapacity(room);
    this.changes.findings = true;
  }

  observeShare(probe: ShareObservation): void {
    this.outages.observe(probe);
    this.changes.findings = true;
  }

  /** The clock went on; what waits for something waits longer now. */
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
      // What a cell was told is what the client got.
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

  /** Spark mentioned this time, ms since the epoch. */
  advanceClock(at: number): void {
    if (at > this.now) this.now = at;
  }

  /** Something of that scope changed. */
  markChanged(scope: Scope): void {
    if (scope.cell !== null) this.changes.cells.add(scope.key);
    this.changes.resources = true;
  }
}
