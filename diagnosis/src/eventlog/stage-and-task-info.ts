import type { JobOrigin, StageInfo, TaskInfo } from './spark-event.js';
import { fields, flag, list, number, strings, text, type Fields } from './json-fields.js';

/** Settings that determine how much data a task gets (SQLConf). */
const LAYOUT = [
  'spark.sql.adaptive.enabled',
  'spark.sql.adaptive.skewJoin.enabled',
  'spark.sql.adaptive.skewJoin.skewedPartitionFactor',
  'spark.sql.adaptive.skewJoin.skewedPartitionThresholdInBytes',
  'spark.sql.adaptive.advisoryPartitionSizeInBytes',
  'spark.sql.adaptive.coalescePartitions.enabled',
  'spark.sql.adaptive.coalescePartitions.parallelismFirst',
  'spark.sql.shuffle.partitions',
  'spark.sql.files.maxPartitionBytes',
  'spark.sql.files.openCostInBytes'
];

/** The YARN container, from the URLs of an executor's logs. */
export function containerOf(info: Fields | null): string | null {
  const urls = Object.values(strings(info?.['Log Urls']));
  return urls.map(url => /container_[\w]+/.exec(url)?.[0]).find(id => id !== undefined) ?? null;
}

/** The scope of a job, from its properties. */
export function readOrigin(properties: Fields): JobOrigin {
  return {
    tags: text(properties, 'spark.job.tags'),
    sql:
      text(properties, 'spark.sql.execution.root.id') ?? text(properties, 'spark.sql.execution.id'),
    stream: text(properties, 'sql.streaming.queryId'),
    description: text(properties, 'spark.job.description'),
    layout: Object.fromEntries(
      LAYOUT.flatMap(key => {
        const value = text(properties, key);
        return value === null ? [] : [[key, value]];
      })
    )
  };
}

/** Spark's StageInfo; null if it has no id. */
export function readStageInfo(json: unknown): StageInfo | null {
  const info = fields(json);
  const stage = info && number(info, 'Stage ID');
  if (!info || stage === null) return null;
  const rdd = rddOf(info);
  return {
    stage,
    attempt: number(info, 'Stage Attempt ID') ?? 0,
    name: text(info, 'Stage Name') ?? `stage ${stage}`,
    tasks: number(info, 'Number of Tasks') ?? 0,
    parents: list(info, 'Parent IDs').filter(id => typeof id === 'number'),
    submittedAt: number(info, 'Submission Time'),
    completedAt: number(info, 'Completion Time'),
    failure: text(info, 'Failure Reason'),
    // A stage is as deterministic as its RDD.
    indeterminate: rdd !== null && text(rdd, 'DeterministicLevel') === 'INDETERMINATE',
    rdd: rdd && number(rdd, 'RDD ID')
  };
}

/** The last RDD of a stage, which has the largest id. */
function rddOf(info: Fields): Fields | null {
  let last: Fields | null = null;
  for (const one of list(info, 'RDD Info')) {
    const rdd = fields(one);
    if (!rdd) continue;
    if (!last || (number(rdd, 'RDD ID') ?? 0) > (number(last, 'RDD ID') ?? 0)) last = rdd;
  }
  return last;
}

/** A task according to its event; null if the event does not identify it. */
export function readTaskInfo(event: Fields): TaskInfo | null {
  const info = fields(event['Task Info']);
  const stage = number(event, 'Stage ID');
  const task = info && number(info, 'Task ID');
  if (!info || stage === null || task === null) return null;
  const attempt = number(event, 'Stage Attempt ID') ?? 0;
  const index = number(info, 'Index');
  const launchedAt = number(info, 'Launch Time') ?? 0;
  return {
    task,
    stage,
    attempt,
    index,
    partition: number(info, 'Partition ID') ?? (attempt === 0 ? index : null),
    executor: text(info, 'Executor ID') ?? '',
    launchedAt,
    finishedAt: Math.max(number(info, 'Finish Time') ?? 0, launchedAt),
    speculative: flag(info, 'Speculative')
  };
}
