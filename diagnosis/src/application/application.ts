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
import { Accounts } from './log-signals.js';
import { applyEvent } from './apply-event.js';
import { grantedMemory, type GrantedMemory } from './spark-conf.js';
import { Dag } from './dag.js';
import { Executors } from './executors.js';
import { History } from './timeline.js';
import { MemoryFacts } from './memory-facts.js';
import { Outages } from './share-outages.js';
import { Performance } from './performance-tracker.js';
import { Pods } from './pod-facts.js';
import { Scopes, type Scope } from './scopes.js';
import { Setbacks } from './lost-work.js';
import { SqlExecutions } from './sql-executions.js';
import type { Stage } from './stages.js';
import { Tasks } from './tasks.js';
import { Waits } from './executor-waits.js';

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
  'jobs' | 'stages' | 'tasks' | 'scopes' | 'setbacks' | 'slow' | 'tables' | 'history';

/**
 * One Spark application as far as it was observed: what detectors read. Bounded: jobs and stages
 * are let go when they are over and nothing happened to them; what happened is in `setbacks`.
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
  watchedUntil = 0;
  /** No more of its log will come. */
  over = false;
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
  readonly together = new MemoryFacts();
  readonly executors = new Executors();
  readonly scopes = new Scopes();
  readonly setbacks = new Setbacks();
  readonly pods = new Pods();
  readonly outages = new Outages();
  readonly accounts = new Accounts();
  readonly waits = new Waits();
  readonly sql = new SqlExecutions();
  readonly performance = new Performance(this);
  readonly history = new History();
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
            ? this.together
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
    this.accounts.observeLog(log);
    this.changes.findings = true;
  }

  observeClient(client: ClientObservation): void {
    this.accounts.observeClient(client);
    this.changes.findings = true;
  }

  observeYarn(said: YarnObservation): void {
    this.accounts.observeYarn(said);
    this.changes.findings = true;
  }

  observeCapacity(room: CapacityObservation): void {
    this.accounts.observeCapacity(room);
    this.changes.findings = true;
  }

  observeShare(probe: ShareObservation): void {
    this.outages.observe(probe);
    this.changes.findings = true;
  }

  /** The clock went on; what waits for something waits longer now. */
  observeTime(at: number): void {
    this.watchedUntil = Math.max(this.watchedUntil, at);
    if (this.waits.open.length > 0) this.changes.findings = true;
  }

  observeEnd(): void {
    this.over = true;
    this.changes.findings = true;
  }

  observeMemory(sample: MemoryObservation): void {
    const executor = sample.who === 'driver' ? null : this.executors.get(sample.who.executor);
    (executor?.memory ?? this.driver).addSample(sample);
    this.changes.memory = true;
    if (executor?.hurt) this.changes.findings = true;
  }

  observeCell(cell: CellObservation): void {
    this.touch(this.scopes.observeCell(cell));
    this.observeTime(cell.at);
    const { error, at, run } = cell;
    if (error) {
      // What a cell was told is what the client got.
      const ref = `cell ${cell.cell}`;
      const of = { cell: cell.cell, run, at, ref };
      this.accounts.observeClient({ kind: 'client', ...error, ...of });
    }
    this.changes.findings = true;
  }

  /** Marks the scope of a stage as changed. */
  touchStage(stage: Stage): void {
    this.touch(this.scopes.get(stage.scope));
  }

  get held(): Record<Held, number> {
    return {
      jobs: this.jobs.size,
      stages: this.stages.size,
      tasks: this.tasks.running,
      scopes: [...this.scopes].length,
      setbacks: [...this.setbacks].length,
      slow: this.performance.slow.size,
      tables: this.performance.caches.size,
      history: this.history.size
    };
  }

  /** Spark mentioned this time, ms since the epoch. */
  sawTime(at: number): void {
    if (at > this.now) this.now = at;
  }

  /** Something of that scope changed. */
  touch(scope: Scope): void {
    if (scope.cell !== null) this.changes.cells.add(scope.key);
    this.changes.resources = true;
  }
}
