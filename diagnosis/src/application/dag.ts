import type { Progress, StageProgress } from '@aglais/protocol';
import type { JobOrigin, StageInfo } from '../eventlog/spark-event.js';
import type { CachedRdd } from '../eventlog/task-metrics.js';
import type { Application } from './application.js';
import { jobSpan, plainDescription } from './timeline.js';
import { jobResult, type Job } from './jobs.js';
import { MapOutputs } from './map-outputs.js';
import { APPLICATION_SCOPE, RECENT_STAGES, rememberStage, type Scope } from './scopes.js';
import { LONG_WAIT_MS } from './executor-waits.js';
import {
  attemptOf,
  newStage,
  stageProgress,
  taskCounts,
  type Attempt,
  type Stage
} from './stages.js';

const QUOTE = 2000;
/** Maximum length of a failure message: a Python traceback has the exception at its end. */
const MESSAGE = 8000;

/** Tracks jobs and their stages like Spark's DAGScheduler. They are evicted when they have ended without problems. */
export class Dag {
  readonly jobs = new Map<number, Job>();
  readonly stages = new Map<number, Stage>();
  readonly #outputs = new MapOutputs();
  readonly #app: Application;

  constructor(application: Application) {
    this.#app = application;
  }

  /** An SQL execution ended: its shuffle output is not needed any more. */
  sqlEnded(sql: string): void {
    this.#outputs.ended(sql);
  }

  /** The stage with this id; a stub if the log lacks its beginning. */
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
      this.#app.scopes.get(APPLICATION_SCOPE)
    );
  }

  /** Progress of the jobs of a scope. */
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

  jobStarted(id: number, at: number, stages: StageInfo[], origin: JobOrigin, ref: string): void {
    this.#app.advanceClock(at);
    const scope = this.#app.scopes.ofJob(id, origin);
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
      affected: false
    });
    for (const info of stages) {
      const stage = this.stages.get(info.stage) ?? this.#openStage(info, scope);
      stage.jobs.add(id);
    }
    this.#app.sql.workedFor(origin.sql, scope.key);
    const nobody = ![...this.#app.executors].some(
      one => one.addedAt !== null && one.removedAt === null
    );
    if (nobody && this.#app.tasks.running === 0) this.#app.waits.jobStarted(id, scope.key, at, ref);
    this.#app.markChanged(scope);
  }

  jobEnded(id: number, at: number, failure: string | null, ref: string): void {
    this.#app.advanceClock(at);
    const job = this.jobs.get(id);
    if (!job || job.result !== 'running') return;
    job.endedAt = at;
    job.result = jobResult(failure);
    job.failure =
      failure === null ? null : { source: 'eventlog', at, quote: failure.slice(0, QUOTE), ref };
    const scope = this.#app.scopes.get(job.scope);
    scope.lastJobAt = Math.max(scope.lastJobAt ?? 0, at);
    this.#app.history.addJob(jobSpan(job));
    scope.openJobs.delete(id);
    if (job.result === 'succeeded') scope.jobs.done += 1;
    else scope.jobs.failed += 1;
    if (job.result === 'failed') {
      scope.failures.set(id, failure?.slice(0, MESSAGE) ?? '');
      job.affected = true;
    }
    if (job.result === 'shutdown')
      this.#app.shutdownAt = Math.min(this.#app.shutdownAt ?? Infinity, at);
    this.#app.waits.jobEnded(id, at);
    for (const stage of job.stages) this.evictIfFinished(this.stages.get(stage));
    this.#app.changes.findings = true;
    this.#app.markChanged(scope);
    if (!job.affected) this.jobs.delete(id);
    const atWork = scope.openJobs.size > 0 || scope.openStages.size > 0;
    if (!atWork && scope.cell === null) this.#app.performance.evict(scope.key);
    const waited = this.#app.waits.over.some(
      ({ scope: other, from, to }) => other === scope.key && to! - from >= LONG_WAIT_MS
    );
    const hit =
      waited || this.#app.lostWork.affects(scope.key) || this.#app.performance.affects(scope.key);
    if (!atWork && scope.failures.size === 0 && !hit) {
      this.#app.scopes.evict(scope);
    }
  }

  stageSubmitted(info: StageInfo, origin: JobOrigin | null, cached: readonly CachedRdd[]): void {
    this.#app.advanceClock(info.submittedAt ?? 0);
    const known = this.stages.get(info.stage);
    const jobs = [...(known?.jobs ?? [])].map(id => this.jobs.get(id));
    const open = jobs.find(job => job?.result === 'running');
    const scope = open
      ? this.#app.scopes.get(open.scope)
      : origin && (origin.tags ?? origin.sql) !== null
        ? this.#app.scopes.ofJob(-1, origin)
        : this.#app.scopes.get(known?.scope ?? APPLICATION_SCOPE);
    const stage = known ?? this.#openStage(info, scope);
    if (stage.scope !== scope.key) {
      this.#app.scopes.get(stage.scope).openStages.delete(stage.id);
      stage.scope = scope.key;
      scope.openStages.add(stage.id);
    }
    stage.name = info.name;
    stage.description = plainDescription(origin?.description ?? null);
    stage.layout = origin?.layout ?? {};
    stage.sql = origin?.sql ?? null;
    this.#app.performance.stageSubmitted(stage, cached);
    const attempt = attemptOf(stage, info.attempt);
    stage.indeterminate ||= info.indeterminate;
    stage.rdd ??= info.rdd;
    attempt.tasks = info.tasks;
    attempt.submittedAt = info.submittedAt ?? this.#app.now;
    attempt.suspect = jobs.find(job => job?.suspect)?.suspect ?? null;
    if (info.attempt === 0) this.#noteRemake(stage, attempt);
    attempt.repeatsLeft = Math.max(0, info.tasks - (stage.tasks - stage.begun.size));
    this.#skipUnneeded(stage);
    this.#app.markChanged(scope);
  }

  /** Records whether the output of this shuffle existed before, and which executor probably lost it. */
  #noteRemake(stage: Stage, attempt: Attempt): void {
    const { id, sql, rdd } = stage;
    const madeAt = sql === null || rdd === null ? null : this.#outputs.madeAt(sql, rdd);
    // One RDD can be computed for any number of results; shuffle output is written once.
    if (madeAt === null || ![...this.stages.values()].some(({ parents }) => parents.includes(id))) {
      return;
    }
    stage.remakes = true;
    const gone = [...this.#app.executors].filter(({ removedAt }) => (removedAt ?? 0) >= madeAt);
    gone.sort((a, b) => b.removedAt! - a.removedAt!);
    attempt.suspect ??= gone[0]?.id ?? null;
  }

  /** A starting stage has all its inputs: parents that never ran were skipped. */
  #skipUnneeded(stage: Stage): void {
    for (const id of stage.parents) {
      const parent = this.stages.get(id);
      if (!parent || parent.skipped || parent.attempts.size > 0) continue;
      parent.skipped = true;
      this.#skipUnneeded(parent);
    }
  }

  stageCompleted(info: StageInfo, cached: readonly CachedRdd[], ref: string): void {
    this.#app.advanceClock(info.completedAt ?? 0);
    const stage = this.stages.get(info.stage);
    if (!stage) return;
    const attempt = attemptOf(stage, info.attempt);
    attempt.completedAt = info.completedAt ?? this.#app.now;
    attempt.submittedAt ??= info.submittedAt;
    attempt.failure = info.failure;
    if (info.failure === null) {
      if (stage.sql !== null && stage.rdd !== null) {
        this.#outputs.made(stage.sql, stage.rdd, attempt.completedAt);
      }
      this.#app.performance.stageDone(stage, info.attempt, cached, attempt.completedAt, ref);
    }
    this.#app.history.addStage({
      id: stage.id,
      attempt: info.attempt,
      name: plainDescription(stage.name) ?? `stage ${stage.id}`,
      scope: stage.scope,
      startedAt: attempt.submittedAt,
      endedAt: attempt.completedAt,
      failed: info.failure !== null,
      tasks: attempt.tasks
    });
    this.#app.markStageChanged(stage);
  }

  #openStage(info: StageInfo, scope: Scope): Stage {
    const stage = newStage(info, scope.key);
    this.stages.set(stage.id, stage);
    scope.openStages.add(stage.id);
    return stage;
  }

  /** A stage is evicted when its jobs and all its tasks, including cancelled ones, have ended. */
  evictIfFinished(stage: Stage | undefined): void {
    if (!stage || [...stage.jobs].some(id => this.jobs.get(id)?.result === 'running')) return;
    if (stage.jobs.size === 0) return;
    const counts = taskCounts(stage);
    if (counts.running > 0) return;
    const scope = this.#app.scopes.get(stage.scope);
    scope.openStages.delete(stage.id);
    this.stages.delete(stage.id);
    if (stage.attempts.size === 0) return;
    scope.settled.total += counts.total;
    scope.settled.done += counts.done;
    scope.settled.failed += counts.failed;
    rememberStage(scope, stageProgress(stage));
  }
}
