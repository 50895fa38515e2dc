import type { StorageLevel } from '../eventlog/metrics.js';

/**
 * Spark's name of a storage level (StorageLevel.scala), without the suffixes for how objects are
 * written: Python's MEMORY_ONLY is Scala's MEMORY_ONLY_SER.
 */
export function levelName(level: StorageLevel): string {
  const { disk, memory, offHeap, replication } = level;
  const where = offHeap
    ? 'OFF_HEAP'
    : [memory && 'MEMORY', disk && 'DISK'].filter(Boolean).join('_AND_');
  const name = where === 'MEMORY' || where === 'DISK' ? `${where}_ONLY` : where || 'NONE';
  return name + (replication > 1 ? `_${replication}` : '');
}

/** A name for people: a table's own, or the first step of the plan whose result is cached. */
export function tableName(table: { rdd: number; name: string }): string {
  const named = /^In-memory table (.+)$/s.exec(table.name)?.[1];
  if (named) return named;
  const line = table.name
    .split('\n', 1)[0]!
    .replace(/^\s*[*+:\- ]*(?:\(\d+\)\s*)?/, '')
    // The planner's numbers of columns are for nobody.
    .replace(/#\d+L?/g, '')
    .trim();
  return line.length > 60 ? `${line.slice(0, 57)}…` : line || `RDD ${table.rdd}`;
}
