import type { CachedTable } from '@aglais/protocol';
import { formatMemory } from '../format';
import type { Trans } from '../translation';

/** Cached fractions of a table; their sum is at most 1. */
export interface TableShares {
  readonly memory: number;
  readonly disk: number;
}

/** The fractions of a table's partitions in memory, and on disk only; null if unknown. */
export function tableShares({ now, partitions }: CachedTable): TableShares | null {
  if (!now || partitions === 0) return null;
  const memory = Math.min(now.memoryPartitions ?? now.partitions, partitions);
  const cached = Math.min(now.partitions, partitions);
  return { memory: memory / partitions, disk: Math.max(0, cached - memory) / partitions };
}

/** "all 12 partitions, 1.5 GiB", "4 of 12 partitions, 512 MiB", "not cached yet". */
export function formatTable(table: CachedTable, trans: Trans): string {
  const { now, partitions, most } = table;
  if (!now) return trans.__('cached size unknown');
  if (now.partitions === 0) {
    return (most?.partitions ?? 0) > 0
      ? trans.__('evicted from cache')
      : trans.__('not cached yet');
  }
  const size = formatMemory(now.memoryMiB + now.diskMiB, trans);
  return now.partitions >= partitions
    ? trans._n('%1 partition, %2', 'all %1 partitions, %2', partitions, size)
    : trans.__('%1 of %2 partitions, %3', now.partitions, partitions, size);
}

/** What the bar does not show: the size on disk, and recomputed partitions. */
export function formatTableDetail(table: CachedTable, trans: Trans): string {
  const { now, recomputed } = table;
  const disk =
    now && now.diskMiB > 0 ? trans.__('%1 on disk', formatMemory(now.diskMiB, trans)) : '';
  const recomputations =
    recomputed > 0
      ? trans._n('%1 partition was recomputed', '%1 partitions were recomputed', recomputed)
      : '';
  return [disk, recomputations].filter(Boolean).join('; ');
}
