import type { TaskInfo } from '../eventlog/spark-event.js';
import type { TaskMetrics } from '../eventlog/task-metrics.js';
import { Histogram } from './histogram.js';
import { PartitionSet } from './partition-set.js';

/** A notable task, and the reference of its end event. */
export interface NotableTask {
  task: number;
  attempt: number;
  index: number | null;
  partition: number | null;
  executor: string;
  ms: number;
  runMs: number;
  gcMs: number;
  fetchWaitMs: number;
  /** Bytes that it read: input and shuffle. */
  readBytes: number;
  shuffleReadBytes: number;
  readRecords: number;
  shuffleReadRecords: number;
  memorySpilled: number;
  diskSpilled: number;
  /** It started before its executor had finished any task of this stage. */
  cold: boolean;
  at: number;
  ref: string;
}

/** Maximum number of individual tasks that are kept: the longest. */
const LONGEST = 3;

/**
 * Metrics of the tasks of one stage over all attempts: each partition once, from its successful attempt. Failed, killed
 * and superseded attempts are recorded as lost work. Its size does not depend on the number of tasks, except for one
 * bit each.
 */
export class StageMetrics {
  readonly #counted = new PartitionSet();
  readonly durations = new Histogram();
  readonly reads = new Histogram();
  readonly records = new Histogram();
  readonly longest: NotableTask[] = [];
  /** Shortest task per executor, ms. */
  readonly shortestOn = new Map<string, number>();
  /** When each executor had finished its first task, ms. */
  readonly #warmFrom = new Map<string, number>();
  worstSpill: NotableTask | null = null;
  worstGc: NotableTask | null = null;
  tasks = 0;
  /** Durations of tasks from launch to end, ms. */
  taskMs = 0;
  runMs = 0;
  gcMs = 0;
  /** Task time without computation, ms. */
  overheadMs = 0;
  inputBytes = 0;
  shuffleReadBytes = 0;
  shuffleWriteBytes = 0;
  outputBytes = 0;
  memorySpilled = 0;
  diskSpilled = 0;
  spilledTasks = 0;
  /** Run time of the tasks that spilled, ms. */
  spilledRunMs = 0;
  firstLaunch = Infinity;
  lastFinish = -Infinity;
  /** Maximum number of tasks that all executors together could run at the same time. */
  slots = 0;
  /** Maximum number of slots that other stages used at the same time. */
  others = 0;
  #peak = 0;

  /** Updated whenever one of its tasks starts or ends. */
  running(tasks: number, slots: number, others: number): void {
    this.others = Math.max(this.others, others);
    this.#peak = Math.max(this.#peak, tasks);
    this.slots = Math.max(this.slots, slots);
  }

  /**
   * Maximum number of its tasks that ran at the same time, at least 1. Spark logs the start of a task before the end of
   * the task whose slot it takes, so more than the number of slots is not real.
   */
  get peakRunning(): number {
    return Math.max(1, this.slots > 0 ? Math.min(this.#peak, this.slots) : this.#peak);
  }

  /** Adds a successful task; a second success of the same partition does not count. */
  add(info: TaskInfo, metrics: TaskMetrics, ref: string): void {
    if (info.partition !== null) {
      if (this.#counted.has(info.partition)) return;
      this.#counted.add(info.partition);
    }
    const ms = info.finishedAt - info.launchedAt;
    const warmFrom = this.#warmFrom.get(info.executor) ?? Infinity;
    this.#warmFrom.set(info.executor, Math.min(warmFrom, info.finishedAt));
    const task: NotableTask = {
      task: info.task,
      attempt: info.attempt,
      index: info.index,
      partition: info.partition,
      executor: info.executor,
      ms,
      runMs: metrics.runMs,
      gcMs: metrics.gcMs,
      fetchWaitMs: metrics.fetchWaitMs,
      readBytes: metrics.inputBytes + metrics.shuffleReadBytes,
      shuffleReadBytes: metrics.shuffleReadBytes,
      readRecords: metrics.inputRecords + metrics.shuffleReadRecords,
      shuffleReadRecords: metrics.shuffleReadRecords,
      memorySpilled: metrics.memorySpilled,
      diskSpilled: metrics.diskSpilled,
      cold: info.launchedAt < warmFrom,
      at: info.finishedAt,
      ref
    };
    this.tasks += 1;
    this.taskMs += ms;
    this.runMs += metrics.runMs;
    this.gcMs += metrics.gcMs;
    this.overheadMs += Math.max(0, ms - metrics.runMs);
    this.inputBytes += metrics.inputBytes;
    this.shuffleReadBytes += metrics.shuffleReadBytes;
    this.shuffleWriteBytes += metrics.shuffleWriteBytes;
    this.outputBytes += metrics.outputBytes;
    this.memorySpilled += metrics.memorySpilled;
    this.diskSpilled += metrics.diskSpilled;
    if (metrics.memorySpilled > 0 || metrics.diskSpilled > 0) {
      this.spilledTasks += 1;
      this.spilledRunMs += metrics.runMs;
      if (task.diskSpilled > (this.worstSpill?.diskSpilled ?? -1)) this.worstSpill = task;
    }
    if (metrics.gcMs > (this.worstGc?.gcMs ?? 0)) this.worstGc = task;
    this.firstLaunch = Math.min(this.firstLaunch, info.launchedAt);
    this.lastFinish = Math.max(this.lastFinish, info.finishedAt);
    this.durations.add(ms);
    this.reads.add(task.readBytes);
    this.records.add(task.readRecords);
    const shortest = this.shortestOn.get(info.executor) ?? Infinity;
    this.shortestOn.set(info.executor, Math.min(shortest, ms));
    this.#remember(task);
  }

  #remember(task: NotableTask): void {
    const place = this.longest.findIndex(other => other.ms < task.ms);
    if (place < 0 && this.longest.length >= LONGEST) return;
    this.longest.splice(place < 0 ? this.longest.length : place, 0, task);
    if (this.longest.length > LONGEST) this.longest.pop();
  }
}
