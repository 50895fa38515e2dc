import type { BlockStatus, StorageLevel } from '../eventlog/task-metrics.js';
import { type CachedAmount, cachedAmountOf } from './cached-amount.js';
import { PartitionSet } from './partition-set.js';
import { MIN_LOST_MS } from './stage-costs.js';

/** Why a cached table did not have a partition that it had been asked to keep. */ export type CacheMiss =
  'never-fit' | 'evicted' | 'executor-gone';

/** PartitionSet that one scope had to compute again, for one reason, added up. */ export interface Recomputed {
  readonly why: CacheMiss;
  readonly scope: string;
  count: number;
  /** Time of their tasks beyond that of tasks that found theirs, ms. */
  taskMs: number;
  wallMs: number;
  /** The log does not say which tasks they were; computed from the numbers of partitions. */
  estimated: boolean;
  readonly stages: Map<string, { id: number; attempt: number }>;
  readonly executors: Set<string>;
  readonly jobs: Set<number>;
  firstSeen: number;
  lastSeen: number;
  ref: string;
  /** Of the line that `ref` names: the first task that had to compute again. */
  quotes: readonly string[];
}

/** The stage that first computed a table which then did not fit. */ export interface PartialFill {
  readonly scope: string;
  readonly stage: number;
  readonly attempt: number;
  readonly jobs: number[];
  readonly slots: number;
  readonly stored: number;
  /** What computing the partitions took that were not kept, ms of task time. */
  readonly missingMs: number;
  readonly at: number;
  readonly ref: string;
  readonly quote: string;
  /** The last block that found room. */
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
  /** PartitionSet that were computed at least once. */
  readonly computed: PartitionSet;
  readonly lost: Map<number, string>;
  readonly evicted: PartitionSet;
  /** By the RDD info of a stage, which only Sparks before 2.3 fill in. */
  told: { cached: number; memoryBytes: number; diskBytes: number } | null;
  readonly recomputed: Map<string, Recomputed>;
  /** PartitionSet that were computed again, all in all. */
  recomputedTasks: number;
  fill: PartialFill | null;
  /** What the tasks took that computed a partition for the first time, ms, and how many. */
  fillMs: number;
  fills: number;
  /** Sizes of all blocks that were ever stored, bytes, and how many. */
  storedBytes: number;
  stored: number;
  lastBlock: PartialFill['lastBlock'];
  /** All that is kept of it now. */
  now: CachedAmount;
  /** The most partitions that were kept at once; at the end of a log nothing is left. */
  most: CachedAmount;
  /** It was given back (`unpersist`). */
  gone: boolean;
}

/**
 * Notes where a partition is, or that it is there no more (null).
 * @returns whether nobody has it any more who had it before
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
