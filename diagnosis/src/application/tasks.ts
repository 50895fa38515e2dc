import type { Evidence } from '@aglais/protocol';
import type { TaskInfo } from '../eventlog/spark-event.js';
import type { TaskMetrics } from '../eventlog/task-metrics.js';
import type { TaskOutcome } from '../eventlog/task-outcome.js';
import type { Application } from './application.js';
import type { CacheLookup } from './cache-reads.js';
import { addReason, addWork } from './executors.js';
import { IdTable } from './id-table.js';
import type { LostWork } from './lost-work.js';
import { attemptOf, hadOutput, type Stage } from './stages.js';

interface RunningTask {
  readonly stage: Stage;
  readonly attempt: number;
  /** The lost work that it recomputes. */
  readonly repeats: LostWork | null;
  /** Its reads of cached tables. */
  readonly lookup: CacheLookup | null;
}

type Failure = Exclude<TaskOutcome, { kind: 'success' | 'killed' | 'resubmitted' }>;

const QUOTE = 500;

/**
 * Tracks task attempts from start to end and records what was lost. Only running tasks are kept.
 *
 * What is recorded, per cause:
 * - `taskMs`: durations of attempts that failed, of attempts that had finished and whose output was lost
 *   (`Resubmitted`), and, where Spark does not say which finished attempts were lost, of the attempts that repeated
 *   their work;
 * - `again`: tasks started again, each partition of a stage once;
 * - `spans`: when failed attempts and repeating attempts ran. Work lost after it was finished is not in the spans: its
 *   time was not wasted until it had to be done again.
 */
export class Tasks {
  readonly #running = new IdTable<RunningTask>();
  readonly #application: Application;

  constructor(application: Application) {
    this.#application = application;
  }

  get running(): number {
    return this.#running.size;
  }

  started(info: TaskInfo, ref: string): void {
    if (this.#running.has(info.task)) return;
    const app = this.#application;
    const stage = app.dag.stage(info.stage);
    const attempt = attemptOf(stage, info.attempt);
    attempt.running += 1;
    const executor = app.executors.find(info.executor);
    if (executor) executor.running += 1;
    const repeats = info.speculative ? null : this.#repeated(stage, info, ref);
    if (info.partition !== null) stage.begun.add(info.partition);
    const lookup = app.performance.taskStarted(stage, info, this.#running.size + 1);
    this.#running.set(info.task, { stage, attempt: info.attempt, repeats, lookup });
    app.markStageChanged(stage);
  }

  ended(info: TaskInfo, outcome: TaskOutcome, metrics: TaskMetrics | null, ref: string): void {
    if (outcome.kind === 'resubmitted') {
      this.#resubmitted(info, ref);
      return;
    }
    // The log may lack its beginning, or the start events may have been compacted away.
    if (!this.#running.has(info.task)) this.started(info, ref);
    const { stage, repeats, lookup } = this.#running.get(info.task)!;
    this.#running.delete(info.task);
    const attempt = attemptOf(stage, info.attempt);
    attempt.running -= 1;
    for (const id of stage.jobs) {
      const job = this.#application.jobs.get(id);
      if (!job) continue;
      job.taskMs += info.finishedAt - info.launchedAt;
      if (outcome.kind === 'success' && metrics && job.resultStage === stage.id) {
        job.results.tasks += 1;
        job.results.bytes += metrics.resultBytes;
      }
    }
    const executor = this.#application.executors.find(info.executor);
    if (executor) executor.running -= 1;
    if (outcome.kind === 'success') {
      attempt.done += 1;
      if (executor) {
        executor.done += 1;
        executor.lastAliveAt = Math.max(executor.lastAliveAt, info.launchedAt);
      }
      if (metrics) {
        if (executor) addWork(executor.work, metrics);
        this.#application.performance.taskDone(
          stage,
          info,
          metrics,
          lookup,
          this.#running.size,
          ref
        );
      }
      if (info.partition !== null) stage.finished.add(info.partition);
      if (repeats) this.#workedAgain(repeats, info);
    } else if (outcome.kind !== 'killed') {
      attempt.failed += 1;
      if (executor) executor.failed += 1;
      this.#failed(stage, info, outcome, ref);
    }
    this.#application.markStageChanged(stage);
  }

  /** Records the start of a task that repeats earlier work; returns the lost work that caused it. */
  #repeated(stage: Stage, info: TaskInfo, ref: string): LostWork | null {
    // Older versions of Spark do not log the partition of a retried stage: take any lost one.
    const known = info.partition;
    const partition = known ?? [...stage.lost.keys()][0] ?? null;
    const lost = partition === null ? undefined : stage.lost.get(partition);
    const attempt = attemptOf(stage, info.attempt);
    let entry: LostWork | null = null;
    if (lost) {
      stage.lost.delete(partition!);
      entry = lost;
    } else if (
      partition === null ? attempt.repeatsLeft-- > 0 : hadOutput(stage, info.attempt, partition)
    ) {
      const { id } = stage;
      const quote = `"Stage ID":${id},"Stage Attempt ID":${info.attempt}`;
      entry = this.#application.lostWork.get('rerun', stage.scope, attempt.suspect);
      this.#record(entry, stage, info, { source: 'eventlog', at: info.launchedAt, quote, ref });
    }
    if (!entry) return null;
    if (partition === null || !stage.again.has(partition)) entry.again += 1;
    if (partition !== null) stage.again.add(partition);
    this.#application.changes.findings = true;
    // The time of a failed attempt is already recorded.
    return entry.kind === 'rerun' || entry.kind === 'resubmitted' ? entry : null;
  }

  #workedAgain(entry: LostWork, info: TaskInfo): void {
    entry.spans.add(info.launchedAt, info.finishedAt);
    if (entry.kind === 'rerun') entry.taskMs += info.finishedAt - info.launchedAt;
    this.#application.changes.findings = true;
  }

  #resubmitted(info: TaskInfo, ref: string): void {
    const app = this.#application;
    const stage = app.dag.stage(info.stage);
    const entry = app.lostWork.get('resubmitted', stage.scope, info.executor);
    const quote = '{"Reason":"Resubmitted"}';
    this.#record(entry, stage, info, { source: 'eventlog', at: app.now, quote, ref });
    entry.taskMs += info.finishedAt - info.launchedAt;
    if (info.partition !== null) {
      stage.finished.delete(info.partition);
      stage.lost.set(info.partition, entry);
    }
    this.#suspect(stage, info.executor);
    app.markStageChanged(stage);
  }

  #failed(stage: Stage, info: TaskInfo, outcome: Failure, ref: string): void {
    const app = this.#application;
    const quote = outcome.kind === 'lost' ? outcome.reason : outcome.message;
    const evidence: Evidence = {
      source: 'eventlog',
      at: info.finishedAt,
      quote: quote.slice(0, QUOTE),
      ref
    };
    const executor =
      outcome.kind === 'fetch' || outcome.kind === 'lost' ? outcome.executor : info.executor;
    const entry =
      outcome.kind === 'failed'
        ? app.lostWork.get('failed', stage.scope, null, outcome.name)
        : app.lostWork.get(outcome.kind, stage.scope, executor);
    if (outcome.kind === 'failed') {
      entry.summary ??= outcome.summary;
      entry.where ??= outcome.where;
    }
    this.#record(entry, stage, info, evidence);
    entry.taskMs += info.finishedAt - info.launchedAt;
    entry.spans.add(info.launchedAt, info.finishedAt);
    if (outcome.kind === 'disk') {
      const { tasks, shuffleWriteBytes, diskSpilled } = stage.metrics;
      entry.output = { tasks: stage.tasks, done: tasks, bytes: shuffleWriteBytes + diskSpilled };
    }
    if (info.partition !== null && !stage.finished.has(info.partition)) {
      stage.lost.set(info.partition, entry);
    }
    if (outcome.kind === 'lost' && executor !== null) {
      const text = outcome.reason;
      addReason(app.executors.get(executor), { text, at: info.finishedAt, from: 'task', evidence });
    }
    if (outcome.kind === 'fetch' || outcome.kind === 'lost') this.#suspect(stage, executor);
  }

  #record(entry: LostWork, stage: Stage, info: TaskInfo, evidence: Evidence): void {
    const app = this.#application;
    const at = evidence.at ?? app.now;
    entry.count += 1;
    entry.firstSeen = Math.min(entry.firstSeen, at);
    entry.lastSeen = Math.max(entry.lastSeen, at);
    entry.evidence ??= evidence;
    entry.stageTasks = Math.max(entry.stageTasks, stage.tasks);
    if (stage.indeterminate) entry.indeterminate.add(stage.id);
    entry.stages.set(`${stage.id}.${info.attempt}`, { id: stage.id, attempt: info.attempt });
    for (const id of stage.jobs) {
      const job = app.jobs.get(id);
      if (!job || (job.result !== 'running' && job.result !== 'failed')) continue;
      entry.jobs.add(id);
      job.affected = true;
    }
    const executor = entry.executor === null ? undefined : app.executors.find(entry.executor);
    if (executor) executor.affected = true;
    app.changes.findings = true;
  }

  #suspect(stage: Stage, executor: string | null): void {
    for (const id of stage.jobs) {
      const job = this.#application.jobs.get(id);
      if (job?.result === 'running') job.suspect = executor ?? job.suspect;
    }
  }
}
