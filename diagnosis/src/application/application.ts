import { parseCellTags, type Progress, type StageProgress } from '@aglais/protocol';
import type { JobOrigin, SparkEvent, StageInfo } from '../eventlog/event.js';
import type { CachedRdd } from '../eventlog/metrics.js';
import type {
  CellObservation,
  CgroupObservation,
  ClientObservation,
  LogObservation,
  MemoryObservation,
  PodEventObservation,
  PodObservation,
  ShareObservation,
  YarnObservation
} from '../observation.js';
import { Accounts } from './accounts.js';
import { grantedMemory, type GrantedMemory } from './conf.js';
import { addReason, Executors } from './executors.js';
import { History, jobSpan, plainDescription } from './history.js';
import { jobResult, type Job } from './jobs.js';
import { MapOutputs } from './map-outputs.js';
import { MemoryFacts } from './memory-facts.js';
import { Performance } from './performance.js';
import { Pods } from './pods.js';
import { APPLICATION_SCOPE, RECENT_STAGES, rememberStage, Scopes, type Scope } from './scopes.js';
import { Setbacks } from './setbacks.js';
import { SqlExecutions } from './sql-executions.js';
import {
  attemptOf,
  newStage,
  stageProgress,
  taskCounts,
  type Attempt,
  type Stage
} from './stages.js';
import { Tasks } from './tasks.js';
import { Waits } from './waits.js';

/** What changed since somebody last looked. */
export interface Changes {
  /** Keys of cell scopes. */
  readonly cells: Set<string>;
  findings: boolean;
  resources: boolean;
}

/** What is counted to see that memory is bounded. */
export type Held =
  'jobs' | 'stages' | 'tasks' | 'scopes' | 'setbacks' | 'slow' | 'tables' | 'history';

const QUOTE = 2000;
/** What is kept of why a job failed: a Python traceback says it in the end. */
const MESSAGE = 8000;
/** local-cluster's workers say these when the whole cluster goes down, never in its life. */
const SHUTTING_DOWN = /^Worker shutting down|Shutdown hooks cannot be modified during shutdown/;

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
  /** One cgroup in which all executors live. */
  readonly together = new MemoryFacts();
  readonly executors = new Executors();
  readonly scopes = new Scopes();
  readonly setbacks = new Setbacks();
  readonly pods = new Pods();
  readonly accounts = new Accounts();
  readonly waits = new Waits();
  readonly sql = new SqlExecutions();
  readonly performance = new Performance(this);
  readonly history = new History();
  readonly jobs = new Map<number, Job>();
  readonly stages = new Map<number, Stage>();
  changes: Changes = { cells: new Set(), findings: false, resources: false };
  readonly #outputs = new MapOutputs();
  readonly #tasks = new Tasks(this);

  apply(event: SparkEvent, ref: string): void {
    this.events += 1;
    this.last = { event: event.type, ref };
    switch (event.type) {
      case 'log-start':
        this.sparkVersion = event.sparkVersion;
        return;
      case 'application-start':
        this.id = event.id;
        this.name = event.name;
        this.startedAt = event.at;
        this.#sawTime(event.at);
        return;
      case 'application-end':
        this.endedAt = event.at;
        this.shutdownAt = Math.min(this.shutdownAt ?? Infinity, event.at);
        this.changes.findings = true;
        this.#sawTime(event.at);
        return;
      case 'environment':
        this.conf = event.conf;
        this.granted = grantedMemory(event.conf);
        if (event.conf['spark.eventLog.logBlockUpdates.enabled'] === 'true') {
          this.performance.caches.blocksKnown = true;
        }
        this.changes.findings = this.changes.resources = true;
        return;
      case 'executor-added': {
        const executor = this.executors.get(event.executor);
        executor.host = event.host;
        executor.cores = event.cores;
        executor.container = event.container;
        executor.addedAt = event.at;
        this.performance.executorsChanged();
        this.changes.resources = true;
        this.#sawTime(event.at);
        return;
      }
      case 'executor-removed':
        this.#executorRemoved(event.executor, event.reason, event.at, ref);
        return;
      case 'executor-memory':
        // A heartbeat has no time of its own: it is as old as the newest event.
        if (event.heartbeat) {
          this.#processMemory(event.executor)?.addMeasuredAt(this.now, event.memory);
          this.changes.resources = true;
        } else {
          this.#processMemory(event.executor)?.addMeasured(event.memory);
        }
        return;
      case 'block-manager-added': {
        const memory =
          event.executor === 'driver' ? this.driver : this.executors.get(event.executor).memory;
        memory.unifiedMiB = event.unifiedMiB;
        return;
      }
      case 'block-updated':
        this.performance.caches.update(event.executor, event, ref);
        this.changes.resources = true;
        return;
      case 'block-manager-removed':
        this.performance.caches.executorGone(event.executor);
        return;
      case 'rdd-unpersisted':
        this.performance.caches.unpersisted(event.rdd);
        this.changes.resources = true;
        return;
      case 'sql-start':
        this.sql.began(event.sql, event.root, event.tags);
        if (event.files) {
          const { counts, sizes } = event.files;
          this.performance.files.planned(event.sql, event.root, counts, sizes);
        }
        return;
      case 'sql-plan':
        this.performance.files.planned(
          event.sql,
          event.root,
          event.files.counts,
          event.files.sizes
        );
        return;
      case 'sql-counted':
        this.performance.files.counted(event.sql, event.updates);
        return;
      case 'job-start':
        this.#jobStarted(event.job, event.at, event.stages, event, ref);
        return;
      case 'job-end':
        this.#jobEnded(event.job, event.at, event.failure, ref);
        return;
      case 'sql-end':
        this.#sawTime(event.at);
        this.#outputs.ended(event.sql);
        this.#sqlEnded(event.sql, event.error, event.at, ref);
        return;
      case 'stage-submitted':
        this.#stageSubmitted(event.info, event.origin, event.cached);
        return;
      case 'stage-completed':
        this.#stageCompleted(event.info, event.cached, ref);
        return;
      case 'task-start':
        this.#sawTime(event.info.launchedAt);
        if (this.waits.taskStarted(event.info.launchedAt)) this.changes.findings = true;
        this.#tasks.started(event.info, ref);
        return;
      case 'task-end':
        this.#sawTime(event.info.finishedAt);
        if (event.memory) {
          const memory = this.#processMemory(event.info.executor);
          memory?.addMeasuredAt(event.info.finishedAt, event.memory);
        }
        this.#tasks.ended(event.info, event.outcome, event.metrics, ref);
        this.#letGoIfOver(this.stages.get(event.info.stage));
        return;
    }
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

  observePod(pod: PodObservation): void {
    this.pods.observe(pod);
    this.changes.findings = true;
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

  observeShare(probe: ShareObservation): void {
    this.accounts.observeShare(probe);
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
    this.changes.resources = true;
    if (executor?.hurt) this.changes.findings = true;
  }

  observeCell(cell: CellObservation): void {
    this.#touch(this.scopes.observeCell(cell));
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

  /** The stage of that id; a stub if the log begins in the middle. */
  stage(id: number): Stage {
    const known = this.stages.get(id);
    if (known) return known;
    const info = {
      stage: id,
      attempt: 0,
      name: `stage ${id}`,
      tasks: 0,
      parents: [],
      indeterminate: false,
      rdd: null
    };
    return this.#openStage(
      { ...info, submittedAt: null, completedAt: null, failure: null },
      this.scopes.get(APPLICATION_SCOPE)
    );
  }

  /** Marks the scope of a stage as changed. */
  touchStage(stage: Stage): void {
    this.#touch(this.scopes.get(stage.scope));
  }

  progress(scope: Scope): Progress {
    const tasks = { total: 0, running: 0, done: 0, failed: 0 };
    const open: StageProgress[] = [];
    for (const id of scope.openStages) {
      const stage = this.stages.get(id);
      if (!stage) continue;
      const counts = taskCounts(stage);
      tasks.total += counts.total;
      tasks.running += counts.running;
      tasks.done += counts.done;
      tasks.failed += counts.failed;
      if (!stage.skipped) open.push(stageProgress(stage));
    }
    tasks.total += scope.settled.total;
    tasks.done += scope.settled.done;
    tasks.failed += scope.settled.failed;
    return {
      jobs: { ...scope.jobs },
      tasks,
      stages: [...scope.recentStages, ...open].slice(-RECENT_STAGES)
    };
  }

  get held(): Record<Held, number> {
    return {
      jobs: this.jobs.size,
      stages: this.stages.size,
      tasks: this.#tasks.running,
      scopes: [...this.scopes].length,
      setbacks: [...this.setbacks].length,
      slow: this.performance.slow.size,
      tables: this.performance.caches.size,
      history: this.history.size
    };
  }

  #sqlEnded(sql: string, error: string | null, at: number, ref: string): void {
    const scopeOf = (root: string, tags: string | null): string => {
      const tag = parseCellTags(tags);
      return tag ? this.scopes.ofCell(tag.cell, tag.run).key : `sql:${root}`;
    };
    if (this.sql.ended(sql, error, at, ref, scopeOf)) this.changes.findings = true;
  }

  #executorRemoved(id: string, reason: string, at: number, ref: string): void {
    this.#sawTime(at);
    if (SHUTTING_DOWN.test(reason)) this.shutdownAt = Math.min(this.shutdownAt ?? Infinity, at);
    const executor = this.executors.get(id);
    const evidence = { source: 'eventlog' as const, at, quote: reason.slice(0, QUOTE), ref };
    addReason(executor, { text: reason, at, from: 'removed', evidence });
    this.executors.remove(executor, at);
    this.performance.executorsChanged();
    this.performance.caches.executorGone(id);
    this.changes.findings = this.changes.resources = true;
  }

  #jobStarted(id: number, at: number, stages: StageInfo[], origin: JobOrigin, ref: string): void {
    this.#sawTime(at);
    const scope = this.scopes.ofJob(id, origin);
    scope.jobs.total += 1;
    scope.openJobs.add(id);
    scope.startedAt ??= at;
    const last = stages.reduce<StageInfo | null>((a, b) => (a && a.stage > b.stage ? a : b), null);
    this.jobs.set(id, {
      id,
      scope: scope.key,
      stages: stages.map(info => info.stage),
      description: plainDescription(origin.description),
      resultStage: last?.stage ?? -1,
      resultTasks: last?.tasks ?? 0,
      results: { tasks: 0, bytes: 0 },
      startedAt: at,
      endedAt: null,
      result: 'running',
      failure: null,
      suspect: null,
      taskMs: 0,
      hurt: false
    });
    for (const info of stages) {
      const stage = this.stages.get(info.stage) ?? this.#openStage(info, scope);
      stage.jobs.add(id);
    }
    this.sql.workedFor(origin.sql, scope.key);
    const nobody = ![...this.executors].some(one => one.addedAt !== null && one.removedAt === null);
    if (nobody && this.#tasks.running === 0) this.waits.jobStarted(id, scope.key, at, ref);
    this.#touch(scope);
  }

  #jobEnded(id: number, at: number, failure: string | null, ref: string): void {
    this.#sawTime(at);
    const job = this.jobs.get(id);
    if (!job || job.result !== 'running') return;
    job.endedAt = at;
    job.result = jobResult(failure);
    job.failure =
      failure === null ? null : { source: 'eventlog', at, quote: failure.slice(0, QUOTE), ref };
    const scope = this.scopes.get(job.scope);
    scope.lastJobAt = Math.max(scope.lastJobAt ?? 0, at);
    this.history.addJob(jobSpan(job));
    scope.openJobs.delete(id);
    if (job.result === 'succeeded') scope.jobs.done += 1;
    else scope.jobs.failed += 1;
    if (job.result === 'failed') {
      scope.failures.set(id, failure?.slice(0, MESSAGE) ?? '');
      job.hurt = true;
    }
    if (job.result === 'shutdown') this.shutdownAt = Math.min(this.shutdownAt ?? Infinity, at);
    this.waits.jobEnded(id, at);
    for (const stage of job.stages) this.#letGoIfOver(this.stages.get(stage));
    this.changes.findings = true;
    this.#touch(scope);
    if (!job.hurt) this.jobs.delete(id);
    const atWork = scope.openJobs.size > 0 || scope.openStages.size > 0;
    if (!atWork && scope.cell === null) this.performance.letGo(scope.key);
    const waited = this.waits.over.some(wait => wait.scope === scope.key);
    const hit = waited || this.setbacks.hit(scope.key) || this.performance.hit(scope.key);
    if (!atWork && scope.failures.size === 0 && !hit) {
      this.scopes.letGo(scope);
    }
  }

  #stageSubmitted(info: StageInfo, origin: JobOrigin | null, cached: readonly CachedRdd[]): void {
    this.#sawTime(info.submittedAt ?? 0);
    const known = this.stages.get(info.stage);
    const jobs = [...(known?.jobs ?? [])].map(id => this.jobs.get(id));
    const open = jobs.find(job => job?.result === 'running');
    const scope = open
      ? this.scopes.get(open.scope)
      : origin && (origin.tags ?? origin.sql) !== null
        ? this.scopes.ofJob(-1, origin)
        : this.scopes.get(known?.scope ?? APPLICATION_SCOPE);
    const stage = known ?? this.#openStage(info, scope);
    if (stage.scope !== scope.key) {
      this.scopes.get(stage.scope).openStages.delete(stage.id);
      stage.scope = scope.key;
      scope.openStages.add(stage.id);
    }
    stage.name = info.name;
    stage.description = plainDescription(origin?.description ?? null);
    stage.layout = origin?.layout ?? {};
    stage.sql = origin?.sql ?? null;
    this.performance.stageSubmitted(stage, cached);
    const attempt = attemptOf(stage, info.attempt);
    stage.indeterminate ||= info.indeterminate;
    stage.rdd ??= info.rdd;
    attempt.tasks = info.tasks;
    attempt.submittedAt = info.submittedAt ?? this.now;
    attempt.suspect = jobs.find(job => job?.suspect)?.suspect ?? null;
    if (info.attempt === 0) this.#noteRemake(stage, attempt);
    attempt.repeatsLeft = Math.max(0, info.tasks - (stage.tasks - stage.begun.size));
    this.#skipUnneeded(stage);
    this.#touch(scope);
  }

  /** Whether the output of this shuffle was there before, and who probably took it along. */
  #noteRemake(stage: Stage, attempt: Attempt): void {
    const { id, sql, rdd } = stage;
    const madeAt = sql === null || rdd === null ? null : this.#outputs.madeAt(sql, rdd);
    // A result may be computed from one RDD as often as somebody asks; a shuffle's output is made once.
    if (madeAt === null || ![...this.stages.values()].some(({ parents }) => parents.includes(id))) {
      return;
    }
    stage.remakes = true;
    const gone = [...this.executors].filter(({ removedAt }) => (removedAt ?? 0) >= madeAt);
    gone.sort((a, b) => b.removedAt! - a.removedAt!);
    attempt.suspect ??= gone[0]?.id ?? null;
  }

  /** When a stage starts, what it depends on is there: parents that never ran are not needed. */
  #skipUnneeded(stage: Stage): void {
    for (const id of stage.parents) {
      const parent = this.stages.get(id);
      if (!parent || parent.skipped || parent.attempts.size > 0) continue;
      parent.skipped = true;
      this.#skipUnneeded(parent);
    }
  }

  #stageCompleted(info: StageInfo, cached: readonly CachedRdd[], ref: string): void {
    this.#sawTime(info.completedAt ?? 0);
    const stage = this.stages.get(info.stage);
    if (!stage) return;
    const attempt = attemptOf(stage, info.attempt);
    attempt.completedAt = info.completedAt ?? this.now;
    attempt.submittedAt ??= info.submittedAt;
    attempt.failure = info.failure;
    if (info.failure === null) {
      if (stage.sql !== null && stage.rdd !== null) {
        this.#outputs.made(stage.sql, stage.rdd, attempt.completedAt);
      }
      this.performance.stageDone(stage, info.attempt, cached, attempt.completedAt, ref);
    }
    this.history.addStage({
      id: stage.id,
      attempt: info.attempt,
      name: plainDescription(stage.name) ?? `stage ${stage.id}`,
      scope: stage.scope,
      startedAt: attempt.submittedAt,
      endedAt: attempt.completedAt,
      failed: info.failure !== null,
      tasks: attempt.tasks
    });
    this.touchStage(stage);
  }

  #openStage(info: StageInfo, scope: Scope): Stage {
    const stage = newStage(info, scope.key);
    this.stages.set(stage.id, stage);
    scope.openStages.add(stage.id);
    return stage;
  }

  /** A stage is let go when its jobs are over and its last task, cancelled ones too, has ended. */
  #letGoIfOver(stage: Stage | undefined): void {
    if (!stage || [...stage.jobs].some(id => this.jobs.get(id)?.result === 'running')) return;
    if (stage.jobs.size === 0) return;
    const counts = taskCounts(stage);
    if (counts.running > 0) return;
    const scope = this.scopes.get(stage.scope);
    scope.openStages.delete(stage.id);
    this.stages.delete(stage.id);
    if (stage.attempts.size === 0) return;
    scope.settled.total += counts.total;
    scope.settled.done += counts.done;
    scope.settled.failed += counts.failed;
    rememberStage(scope, stageProgress(stage));
  }

  #processMemory(executor: string): MemoryFacts | undefined {
    if (executor === 'driver') return this.driver;
    return this.executors.find(executor)?.memory;
  }

  #sawTime(at: number): void {
    if (at > this.now) this.now = at;
  }

  #touch(scope: Scope): void {
    if (scope.cell !== null) this.changes.cells.add(scope.key);
    this.changes.resources = true;
  }
}
