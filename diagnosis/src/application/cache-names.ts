import type { StorageLevel } from '../eventlog/task-metrics.js';

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

/** Steps of a plan that say nothing of the table below them. */
const WRAPPER = /^(?:$|==|AdaptiveSparkPlan|ResultQueryStage|InputAdapter|ColumnarToRow)/;
const COLUMNS_SHOWN = 4;

/**
 * A name for people: a table's own, else its columns, else the first step of the plan whose result
 * is cached, which is what Spark calls it (InMemoryRelation.cachedName).
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
  // The planner's numbers of columns are for nobody.
  const line = step.replace(/#\d+L?/g, '');
  return line.length > 60 ? `${line.slice(0, 57)}…` : line || `RDD ${table.rdd}`;
}

/** "Project [id#7L, sha2(…) AS a#8]" → id, a; none if it is anything else, or cut off. */
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
