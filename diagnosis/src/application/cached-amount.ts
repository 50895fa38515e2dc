import type { BlockStatus } from '../eventlog/task-metrics.js';

/** /** How much of a cached table is stored. */
export interface CachedAmount {
  partitions: number;
  /** Of these, in memory. */
  memoryPartitions: number;
  memoryBytes: number;
  diskBytes: number;
}

export const NONE: CachedAmount = {
  partitions: 0,
  memoryPartitions: 0,
  memoryBytes: 0,
  diskBytes: 0
};

/** One partition on all executors; each stored copy counts towards its bytes. */
export function cachedAmountOf(places: ReadonlyMap<string, BlockStatus>): CachedAmount {
  if (places.size === 0) return NONE;
  let memoryBytes = 0;
  let diskBytes = 0;
  for (const block of places.values()) {
    memoryBytes += block.memoryBytes;
    diskBytes += block.diskBytes;
  }
  return { partitions: 1, memoryPartitions: memoryBytes > 0 ? 1 : 0, memoryBytes, diskBytes };
}
