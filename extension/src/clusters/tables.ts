import type { CachedTable } from '@aglais/protocol';
import { gib, type Trans } from '../words';

/** Parts of a cached table, each between 0 and 1; together at most 1. */
export interface TableShares {
  readonly memory: number;
  readonly disk: number;
}

/** How much of a table's partitions is in memory, and only on disk; null where the log does not say it. */
export function tableShares({ now, partitions }: CachedTable): TableShares | null {
  if (!now || partitions === 0) return null;
  const memory = Math.min(now.memoryPartitions ?? now.partitions, partitions);
  const kept = Math.min(now.partitions, partitions);
  return { memory: memory / partitions, disk: Math.max(0, kept - memory) / partitions };
}

/** "all 12 partitions, 0.5 GiB", "4 of 12 partitions, 0.2 GiB", "not filled yet". */
export function tableWords(table: CachedTable, trans: Trans): string {
  const { now, partitions, most } = table;
  if (!now) return trans.__('not known how much of it');
  if (now.partitions === 0) {
    return (most?.partitions ?? 0) > 0
      ? trans.__('nothing left of it')
      : trans.__('not filled yet');
  }
  const size = trans.__('%1 GiB', gib(now.memoryMiB + now.diskMiB));
  return now.partitions >= partitions
    ? trans._n('its %1 partition, %2', 'all %1 partitions, %2', partitions, size)
    : trans.__('%1 of %2 partitions, %3', now.partitions, partitions, size);
}

/** What the bar does not say: how much is on disk, and what was computed again. */
export function tableDetail(table: CachedTable, trans: Trans): string {
  const { now, recomputed } = table;
  const disk = now && now.diskMiB > 0 ? trans.__('%1 GiB of it on disk', gib(now.diskMiB)) : '';
  const again =
    recomputed > 0
      ? trans._n('%1 partition was computed again', '%1 partitions were computed again', recomputed)
      : '';
  return [disk, again].filter(Boolean).join('; ');
}
