import type { BlockStatus, StorageLevel } from '../eventlog/task-metrics.js';
import { type CachedAmount, cachedAmountOf } from './cached-amount.js';
import { PartitionSet } from './partition-set.js';
import { MIN_LOST_MS } from './stage-costs.js';

/** Why a partition of a cached table was not available. */
export type CacheMiss = 'never-fit' | 'evicted' | 'executor-gone';

/** Partitions that one scope had to recompute for one reason. */
export interface Recomputed {
  readonly why: CacheMiss;
  readonly scope: string;
  count: number;
  /** Additional time of these tasks compared to cache hits, ms. */
  taskMs: number;
  wallMs: number;
  /** The log does not identify these tasks; estimated from the number of partitions. */
  estimated: boolean;
  readonly stages: Map<string, { id: number; attempt: number }>;
  readonly executors: Set<string>;
  readonly jobs: Set<number>;
  firstSeen: number;
  lastSeen: number;
  ref: string;
  /** Quotes of the line `ref`: the first task that had to recompute. */
  quotes: readonly string[];
}

/** The stage that filled a table that did not fit. */
export interface PartialFill {
  readonly scope: string;
  readonly stage: number;
  readonly attempt: number;
  readonly jobs: number[];
  readonly slots: number;
  readonly stored: number;
  /** Task time for the partitions that were not stored, ms. */
  readonly missingMs: number;
  readonly at: number;
  readonly ref: string;
  readonly quote: string;
  /** The last block that was stored. */
  readonly lastBlock: { ref: string; partition: number } | null;
  readonly estimated: boolean;
}

export interface CacheFacts {
  readonly rdd: number;
  name: string;
  level: StorageLevel;
  partitions: number;
  /** Partition to executor to size. */
  readonly blocks: Map<number, Map<string, BlockStatus>>;
  /** Partitions that were computed at least once. */
  readonly computed: PartitionSet;
  readonly lost: Map<number, string>;
  readonly evicted: PartitionSet;
  /** From the RDD info of a stage, which only Spark before 2.3 fills in. */
  reported: { cached: number; memoryBytes: number; diskBytes: number } | null;
  readonly recomputed: Map<string, Recomputed>;
  /** Number of recomputed partitions. */
  recomputedTasks: number;
  fill: PartialFill | null;
  /** Time and number of tasks that computed a partition for the first time, ms. */
  fillMs: number;
  fills: number;
  /** Total size and number of all blocks ever stored, bytes. */
  storedBytes: number;
  stored: number;
  lastBlock: PartialFill['lastBlock'];
  /** What is cached now. */
  now: CachedAmount;
  /** The maximum cached at once: when the log ends, everything has been unpersisted. */
  most: CachedAmount;
  /** It was unpersisted. */
  gone: boolean;
}

/**
 * Records where a partition is stored; null: it was removed from that executor.
 * @returns whether the last stored copy was removed
 */
export function place(
  table: CacheFacts,
  partition: number,
  executor: string,
  block: BlockStatus | null
): boolean {
  const places = table.blocks.get(partition) ?? new Map<string, BlockStatus>();
  const before = cachedAmountOf(places);
  if (block) places.set(executor, block);
  else if (!places.delete(executor)) return false;
  if (places.size === 0) table.blocks.delete(partition);
  else table.blocks.set(partition, places);
  const after = cachedAmountOf(places);
  const { now } = table;
  table.now = {
    partitions: now.partitions + after.partitions - before.partitions,
    memoryPartitions: now.memoryPartitions + after.memoryPartitions - before.memoryPartitions,
    memoryBytes: now.memoryBytes + after.memoryBytes - before.memoryBytes,
    diskBytes: now.diskBytes + after.diskBytes - before.diskBytes
  };
  const { most } = table;
  if (
    table.now.partitions > most.partitions ||
    (table.now.partitions === most.partitions && table.now.memoryBytes > most.memoryBytes)
  ) {
    table.most = table.now;
  }
  return places.size === 0;
}

export function worth(table: CacheFacts, scope: string): boolean {
  const { fill } = table;
  if (fill?.scope === scope && fill.missingMs / fill.slots >= MIN_LOST_MS) return true;
  return [...table.recomputed.values()].some(
    recomputed => recomputed.scope === scope && recomputed.wallMs >= MIN_LOST_MS
  );
}
