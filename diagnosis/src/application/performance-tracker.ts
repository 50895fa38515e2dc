import type { CachedRdd, TaskMetrics } from '../eventlog/task-metrics.js';
import type { TaskInfo } from '../eventlog/spark-event.js';
import type { Application } from './application.js';
import {
  addStage,
  CacheReads,
  lookUp,
  recordCacheMisses,
  type CacheLookup
} from './cache-reads.js';
import { Caches } from './caches.js';
import { type CacheFacts, type PartialFill } from './cached-table.js';
import { FileReads } from './file-reads.js';
import { SlowStages } from './slow-stages.js';
import { summarizeStage } from './stage-summary.js';
import type { Stage } from './stages.js';
import { taskQuotes } from './task-quotes.js';

/** Where and when a stage attempt ended, and the number of slots that it used. */
interface Place {
  readonly id: number;
  readonly attempt: number;
  readonly scope: string;
  readonly jobs: number[];
  readonly slots: number;
  readonly at: number;
  readonly ref: string;
}

/** Tracks the cost of work and of what could have been faster; tells `Application` what to keep. */
export class PerformanceTracker {
  readonly slow = new SlowStages();
  readonly caches = new Caches();
  readonly files = new FileReads();
  readonly #application: Application;
  #slots = 0;

  constructor(application: Application) {
    this.#application = application;
  }

  stageSubmitted(stage: Stage, cached: readonly CachedRdd[]): void {
    if (cached.length === 0) return;
    for (const info of cached) this.caches.declare(info);
    stage.reads = new CacheReads(cached);
  }

  /** @param all number of running tasks of the whole application, including this one */
  taskStarted(stage: Stage, info: TaskInfo, all: number): CacheLookup | null {
    this.#look(stage, all);
    if (!stage.reads || info.partition === null) return null;
    if (!this.caches.blocksKnown) return null;
    return lookUp(this.caches, stage.reads.rdds, stage.tasks, info.partition);
  }

  /** A task succeeded; `all`: number of running tasks without it. */
  taskDone(
    stage: Stage,
    info: TaskInfo,
    metrics: TaskMetrics,
    lookup: CacheLookup | null,
    all: number,
    ref: string
  ): void {
    this.#look(stage, all);
    for (const block of metrics.blocks) this.caches.update(info.executor, block, ref);
    stage.metrics.add(info, metrics, ref);
    if (!lookup || info.partition === null || info.speculative) return;
    stage.reads?.ended(lookup, info.partition, info, ref, () =>
      taskQuotes(stage.id, { ...info, runMs: metrics.runMs })
    );
  }

  /** A stage attempt succeeded: its cost is recorded for the scope. */
  stageDone(
    stage: Stage,
    attempt: number,
    cached: readonly CachedRdd[],
    at: number,
    ref: string
  ): void {
    const { scope } = stage;
    const running = stage.metrics.peakRunning;
    const place = { id: stage.id, attempt, scope, jobs: [...stage.jobs], slots: running, at, ref };
    if (stage.reads) {
      recordCacheMisses(this.caches, stage.reads, place);
      if (stage.reads.misses.size > 0) this.#application.changes.findings = true;
    }
    for (const info of cached) {
      const table = this.caches.declare(info);
      if (info.partitions !== stage.tasks) continue;
      if (this.caches.blocksKnown) this.#filled(table, stage, place);
      else this.#reported(table, info, stage, place);
    }
    stage.reads = stage.reads && new CacheReads(stage.reads.rdds);
    if (stage.metrics.tasks === 0) return;
    const files = stage.sql === null ? null : this.files.of(stage.sql);
    const facts = summarizeStage(stage, attempt, files, this.#application.conf);
    if (this.slow.add(scope, facts, stage.recorded)) this.#application.changes.findings = true;
    stage.recorded = true;
  }

  #look(stage: Stage, all: number): void {
    let running = 0;
    for (const attempt of stage.attempts.values()) running += attempt.running;
    stage.metrics.running(running, this.#slots, all - running);
  }

  affects(scope: string): boolean {
    return this.slow.affects(scope) || this.caches.affects(scope);
  }

  /** A scope ended: insignificant entries are evicted. */
  evict(scope: string): void {
    if (!this.slow.affects(scope)) this.slow.evict(scope);
    this.caches.evict(scope);
  }

  /** Updates the number of tasks that the active executors can run at the same time. */
  executorsChanged(): void {
    const { executors, conf } = this.#application;
    let cores = 0;
    for (const one of executors) {
      if (one.addedAt !== null && one.removedAt === null) cores += one.cores;
    }
    const each = Number(conf['spark.task.cpus'] ?? 1);
    this.#slots = Math.floor(cores / (each >= 1 ? each : 1));
  }

  /** Whether a table that a stage computed completely was also stored completely. */
  #filled(table: CacheFacts, stage: Stage, place: Place): void {
    const { reads } = stage;
    const stored = table.blocks.size;
    if (!reads || reads.fills === 0 || table.fill || table.level.disk) return;
    if (table.computed.size < table.partitions || stored >= table.partitions) return;
    const missingMs = (reads.fillMs / reads.fills) * (table.partitions - stored);
    const quote = `"Number of Partitions":${table.partitions}`;
    this.#partial(table, place, { stored, missingMs, quote, estimated: false });
  }

  /**
   * Logs without block updates only have the counts that Spark before 2.3 reports with the first stage that uses a
   * table. They do not identify the tasks that had to recompute: the task time of the stage is divided by the number of
   * partitions.
   */
  #reported(table: CacheFacts, info: CachedRdd, stage: Stage, place: Place): void {
    const cached = info.cachedPartitions;
    const before = table.reported;
    if (cached > 0) {
      const { memoryBytes, diskBytes } = info;
      table.reported = { cached, memoryBytes, diskBytes };
    }
    if (!table.reported) return;
    const missing = table.partitions - table.reported.cached;
    if (missing <= 0 || table.level.disk) return;
    const missingMs = (stage.metrics.taskMs * missing) / table.partitions;
    const quote = `"Number of Partitions":${table.partitions},"Number of Cached Partitions":${cached}`;
    if (!before || cached > before.cached) {
      this.#partial(table, place, { stored: cached, missingMs, quote, estimated: true });
      return;
    }
    const recomputed = this.caches.recomputedOf(table, place.scope, 'never-fit');
    recomputed.estimated = true;
    recomputed.count += missing;
    table.recomputedTasks += missing;
    recomputed.taskMs += missingMs;
    recomputed.wallMs += missingMs / place.slots;
    recomputed.firstSeen = Math.min(recomputed.firstSeen, stage.metrics.firstLaunch);
    recomputed.lastSeen = Math.max(recomputed.lastSeen, place.at);
    addStage(recomputed, place);
    if (recomputed.ref === '') [recomputed.ref, recomputed.quotes] = [place.ref, [quote]];
    this.#application.changes.findings = true;
  }

  #partial(
    table: CacheFacts,
    { id: stage, ...place }: Place,
    fill: Pick<PartialFill, 'stored' | 'missingMs' | 'quote' | 'estimated'>
  ): void {
    this.caches.filled(table, { ...place, ...fill, stage, lastBlock: table.lastBlock });
    this.#application.changes.findings = true;
  }
}
