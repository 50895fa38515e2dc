import type { CachedRdd } from '../eventlog/task-metrics.js';
import type { Caches } from './caches.js';
import type { CacheFacts, CacheMiss, Recomputed } from './cached-table.js';

/** The cached partitions that one task needs, and whether they were available. */
export interface CacheLookup {
  /** Tables whose partition this task reads, or computes and caches. */
  readonly tables: readonly CacheFacts[];
  readonly missed: { table: CacheFacts; why: CacheMiss; executor: string | null } | null;
  /** All needed partitions were cached. */
  readonly hit: boolean;
}

interface Misses {
  table: CacheFacts;
  why: CacheMiss;
  count: number;
  ms: number;
  firstSeen: number;
  lastSeen: number;
  executors: Set<string>;
  ref: string;
  quotes: readonly string[];
}

/** Cache hits, fills and misses of the tasks of a stage: counts and times. */
export class CacheReads {
  hits = 0;
  hitMs = 0;
  fills = 0;
  fillMs = 0;
  readonly misses = new Map<string, Misses>();

  constructor(readonly rdds: readonly CachedRdd[]) {}

  /** @param quotes quotes of the task's end event, see taskQuotes */
  ended(
    lookup: CacheLookup,
    partition: number,
    { launchedAt: from, finishedAt: to }: { launchedAt: number; finishedAt: number },
    ref: string,
    quotes: () => readonly string[]
  ): void {
    const ms = to - from;
    for (const table of lookup.tables) table.computed.add(partition);
    const { missed } = lookup;
    if (lookup.hit) {
      this.hits += 1;
      this.hitMs += ms;
    } else if (!missed) {
      this.fills += 1;
      this.fillMs += ms;
      for (const table of lookup.tables.slice(0, 1)) {
        table.fills += 1;
        table.fillMs += ms;
      }
    } else {
      const key = `${missed.why}:${missed.table.rdd}`;
      const misses = this.misses.get(key) ?? {
        ...missed,
        count: 0,
        ms: 0,
        firstSeen: from,
        lastSeen: to,
        executors: new Set<string>(),
        ref,
        quotes: quotes()
      };
      misses.count += 1;
      misses.ms += ms;
      misses.firstSeen = Math.min(misses.firstSeen, from);
      misses.lastSeen = Math.max(misses.lastSeen, to);
      if (missed.executor !== null) misses.executors.add(missed.executor);
      this.misses.set(key, misses);
    }
  }
}

/**
 * The cached partitions that a task needs, at its start. Only for tables with the same partitioning as the stage,
 * where task and partition have the same number. Null if there are none.
 */
export function lookUp(
  caches: Caches,
  rdds: readonly CachedRdd[],
  stageTasks: number,
  partition: number
): CacheLookup | null {
  const same = rdds.filter(({ partitions }) => partitions === stageTasks);
  if (same.length === 0) return null;
  const there = new Set(
    same.filter(({ rdd }) => caches.find(rdd)?.blocks.has(partition)).map(({ rdd }) => rdd)
  );
  // A table behind a cached one is not read.
  const needed = same
    .filter(({ rdd }) => !same.some(one => there.has(one.rdd) && one.behind.includes(rdd)))
    .sort((a, b) => b.rdd - a.rdd);
  let missed: CacheLookup['missed'] = null;
  const tables: CacheFacts[] = [];
  for (const { rdd } of needed) {
    const table = caches.find(rdd);
    if (!table) continue;
    tables.push(table);
    const why = caches.missing(table, partition);
    if (why && !missed) missed = { table, why, executor: table.lost.get(partition) ?? null };
  }
  return { tables, missed, hit: needed.every(({ rdd }) => there.has(rdd)) };
}

/**
 * Records the recomputed partitions of a finished stage.
 *
 * taskMs = time of the tasks with a miss − their number × the mean of those with a hit; without hits,
 * at most the time of as many tasks that filled the table. wallMs = taskMs / peakRunning.
 */
export function recordCacheMisses(
  caches: Caches,
  reads: CacheReads,
  stage: { id: number; attempt: number; scope: string; jobs: number[]; slots: number }
): void {
  const usual = reads.hits === 0 ? 0 : reads.hitMs / reads.hits;
  for (const misses of reads.misses.values()) {
    const recomputed = caches.recomputedOf(misses.table, stage.scope, misses.why);
    const { fills, fillMs } = misses.table;
    const most = reads.hits === 0 && fills > 0 ? (misses.count * fillMs) / fills : Infinity;
    const taskMs = Math.min(most, Math.max(0, misses.ms - misses.count * usual));
    recomputed.count += misses.count;
    misses.table.recomputedTasks += misses.count;
    recomputed.taskMs += taskMs;
    recomputed.wallMs += taskMs / stage.slots;
    recomputed.firstSeen = Math.min(recomputed.firstSeen, misses.firstSeen);
    recomputed.lastSeen = Math.max(recomputed.lastSeen, misses.lastSeen);
    addStage(recomputed, stage);
    for (const executor of misses.executors) recomputed.executors.add(executor);
    if (recomputed.ref === '') {
      recomputed.ref = misses.ref;
      recomputed.quotes = misses.quotes;
    }
  }
}

/** Maximum stages and jobs per entry; a loop in a cell can have any number. */
const MAX_REFERENCES = 50;

export function addStage(
  recomputed: Recomputed,
  stage: { id: number; attempt: number; jobs: readonly number[] }
): void {
  const { id, attempt } = stage;
  if (recomputed.stages.size < MAX_REFERENCES)
    recomputed.stages.set(`${id}.${attempt}`, { id, attempt });
  for (const job of stage.jobs) if (recomputed.jobs.size < MAX_REFERENCES) recomputed.jobs.add(job);
}
