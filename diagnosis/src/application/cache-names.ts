import type { StorageLevel } from '../eventlog/task-metrics.js';

/**
 * Spark's name of a storage level (StorageLevel.scala), without the serialization suffix: Python's MEMORY_ONLY is
 * Scala's MEMORY_ONLY_SER.
 */
export function levelName(level: StorageLevel): string {
  const { disk, memory, offHeap, replication } = level;
  const where = offHeap
    ? 'OFF_HEAP'
    : [memory && 'MEMORY', disk && 'DISK'].filter(Boolean).join('_AND_');
  const name = where === 'MEMORY' || where === 'DISK' ? `${where}_ONLY` : where || 'NONE';
  return name + (replication > 1 ? `_${replication}` : '');
}

/** Plan nodes that do not describe the table below them. */
const WRAPPER = /^(?:$|==|AdaptiveSparkPlan|ResultQueryStage|InputAdapter|ColumnarToRow)/;
const COLUMNS_SHOWN = 4;

/**
 * A readable name: the table's own, otherwise its columns, otherwise the first node of the cached plan, which is the
 * name in Spark (InMemoryRelation.cachedName).
 */
export function tableName(table: { rdd: number; name: string }): string {
  const named = /^In-memory table (.+)$/s.exec(table.name)?.[1];
  if (named) return named;
  const steps = table.name
    .split('\n')
    .map(line => line.replace(/^[\s*+:-]*(?:\(\d+\)\s*)?/, '').trim());
  const step = steps.find(line => !WRAPPER.test(line)) ?? steps[0]!;
  const columns = columnsOf(step);
  if (columns.length > 0) {
    const more = columns.length > COLUMNS_SHOWN ? ', …' : '';
    return `(${columns.slice(0, COLUMNS_SHOWN).join(', ')}${more})`;
  }
  // Without the expression ids of the planner.
  const line = step.replace(/#\d+L?/g, '');
  return line.length > 60 ? `${line.slice(0, 57)}…` : line || `RDD ${table.rdd}`;
}

/** "Project [id#7L, sha2(…) AS a#8]" → id, a; empty for any other or a truncated text. */
function columnsOf(step: string): string[] {
  const list = /^Project \[(.+)\]$/.exec(step)?.[1];
  if (list === undefined) return [];
  const columns: (string | undefined)[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i <= list.length; i++) {
    if ('([{'.includes(list[i] ?? ' ')) depth += 1;
    else if (')]}'.includes(list[i] ?? ' ')) depth -= 1;
    else if (i === list.length || (list[i] === ',' && depth === 0)) {
      columns.push(/^(?:.* AS )?([^\s#]+)#\d+L?$/s.exec(list.slice(start, i).trim())?.[1]);
      start = i + 1;
    }
  }
  return columns.every(name => name !== undefined) ? columns : [];
}
