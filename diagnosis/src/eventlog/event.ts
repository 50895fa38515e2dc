import { fields, flag, list, number, strings, text, type Fields } from './fields.js';
import {
  largerMemory,
  NOT_MEASURED,
  readBlock,
  readCachedRdds,
  readMemory,
  readTaskMetrics,
  type BlockStatus,
  type CachedRdd,
  type MeasuredMemory,
  type TaskMetrics
} from './metrics.js';
import { readFileMetrics, type FileMetrics } from './plan.js';
import { readTaskOutcome, type TaskOutcome } from './task-outcome.js';

export { larger, largerMemory, type MeasuredMemory } from './metrics.js';

/** What Spark says about a stage attempt. Times are ms since the epoch. */
export interface StageInfo {
  stage: number;
  attempt: number;
  name: string;
  tasks: number;
  parents: number[];
  submittedAt: number | null;
  completedAt: number | null;
  failure: string | null;
  /** Run again, it may give other rows: Spark's own judgement (3.4 and later). */
  indeterminate: boolean;
  /** The RDD that it computes; null if Spark does not say. */
  rdd: number | null;
}

export interface TaskInfo {
  task: number;
  stage: number;
  attempt: number;
  /** Its place in the task set, which every Spark logs. */
  index: number | null;
  /** Null in retried stages of Spark before 3.3, which does not say it. */
  partition: number | null;
  executor: string;
  launchedAt: number;
  finishedAt: number;
  speculative: boolean;
}

/** What says whom a job works for. */
export interface JobOrigin {
  /** `spark.job.tags`, comma-separated. */
  tags: string | null;
  /** Id of the (root) SQL execution. */
  sql: string | null;
  /** What the user or a library said that the job is for (`spark.job.description`). */
  description: string | null;
  /** Settings of the session that say how data is laid out, where they differ from the default. */
  layout: Readonly<Record<string, string>>;
}

/** The events that diagnosis reads, in words of its own: the differences between Sparks end here. */
export type SparkEvent =
  | { type: 'log-start'; sparkVersion: string }
  | { type: 'application-start'; id: string | null; name: string; at: number }
  | { type: 'application-end'; at: number }
  | { type: 'environment'; conf: Record<string, string> }
  | {
      type: 'executor-added';
      executor: string;
      host: string;
      cores: number;
      /** YARN's container, by the addresses of its logs. */
      container: string | null;
      at: number;
    }
  | { type: 'executor-removed'; executor: string; reason: string; at: number }
  | ({ type: 'job-start'; job: number; at: number; stages: StageInfo[] } & JobOrigin)
  | { type: 'job-end'; job: number; at: number; failure: string | null }
  /** An SQL execution ended; `error` is empty or null if it succeeded (Spark 3.4 and later). */
  | { type: 'sql-end'; sql: string; at: number; error: string | null }
  | {
      type: 'stage-submitted';
      info: StageInfo;
      origin: JobOrigin | null;
      /** RDDs that it computes or reads and that are marked to be cached. */
      cached: CachedRdd[];
    }
  | { type: 'stage-completed'; info: StageInfo; cached: CachedRdd[] }
  | { type: 'task-start'; info: TaskInfo }
  | {
      type: 'task-end';
      info: TaskInfo;
      outcome: TaskOutcome;
      memory: MeasuredMemory | null;
      metrics: TaskMetrics | null;
    }
  /** A heartbeat (only in live logs, or the driver's own), or the peaks of a stage that is over. */
  | { type: 'executor-memory'; executor: string; memory: MeasuredMemory; heartbeat: boolean }
  | ({ type: 'block-updated'; executor: string } & BlockStatus)
  /** Memory for execution and storage, on and off heap, that a process has room for. */
  | { type: 'block-manager-added'; executor: string; unifiedMiB: number; at: number }
  | { type: 'block-manager-removed'; executor: string; at: number }
  | { type: 'rdd-unpersisted'; rdd: number }
  /** An SQL execution begins; its jobs, if it comes to have any, say the same (Spark 3.5 and later). */
  | {
      type: 'sql-start';
      sql: string;
      root: string | null;
      /** Comma-separated, as in `spark.job.tags`. */
      tags: string | null;
      files: FileMetrics | null;
    }
  /** A plan whose scans count the files that they read, changed while it runs. */
  | { type: 'sql-plan'; sql: string; root: string | null; files: FileMetrics }
  /** Figures that the driver counted for a plan. */
  | { type: 'sql-counted'; sql: string; updates: [id: number, value: number][] };

/** A known event that lacks what cannot be done without. */
export interface Malformed {
  malformed: string;
}

const MIB = 2 ** 20;
/** Events of Spark SQL are written with their package. */
const SQL = 'org.apache.spark.sql.execution.ui.';

/**
 * Reads the JSON of one listener event. Returns the event, the name of an event that diagnosis
 * has no use for, or what is wrong with it. Never throws.
 */
export function readEvent(json: unknown): SparkEvent | string | Malformed {
  const event = fields(json);
  const name = event && text(event, 'Event');
  if (!event || !name) return { malformed: 'not an event of Spark: it has no "Event"' };
  const read = Object.hasOwn(READERS, name) ? READERS[name] : undefined;
  if (!read) return name;
  const said = read(event);
  if (said === undefined) return name;
  return said ?? { malformed: `${name} lacks a field that every Spark writes` };
}

/** Whether diagnosis has a use for events of that name; the JSON of all others need not be parsed. */
export function readsEvent(name: string): boolean {
  return Object.hasOwn(READERS, name);
}

/** Null: something is missing that Spark always writes; undefined: nothing of interest. */
const READERS: Record<string, (event: Fields) => SparkEvent | null | undefined> = {
  SparkListenerLogStart: event => ({
    type: 'log-start',
    sparkVersion: text(event, 'Spark Version') ?? 'unknown'
  }),
  SparkListenerApplicationStart: event => ({
    type: 'application-start',
    id: text(event, 'App ID'),
    name: text(event, 'App Name') ?? '',
    at: number(event, 'Timestamp') ?? 0
  }),
  SparkListenerApplicationEnd: event => ({
    type: 'application-end',
    at: number(event, 'Timestamp') ?? 0
  }),
  SparkListenerEnvironmentUpdate: event => ({
    type: 'environment',
    conf: strings(event['Spark Properties'])
  }),
  SparkListenerExecutorAdded: event => {
    const executor = text(event, 'Executor ID');
    const info = fields(event['Executor Info']);
    if (executor === null) return null;
    return {
      type: 'executor-added',
      executor,
      host: (info && text(info, 'Host')) ?? '',
      cores: (info && number(info, 'Total Cores')) ?? 0,
      container: containerOf(info),
      at: number(event, 'Timestamp') ?? 0
    };
  },
  SparkListenerExecutorRemoved: event => {
    const executor = text(event, 'Executor ID');
    if (executor === null) return null;
    return {
      type: 'executor-removed',
      executor,
      reason: text(event, 'Removed Reason') ?? '',
      at: number(event, 'Timestamp') ?? 0
    };
  },
  SparkListenerJobStart: event => {
    const job = number(event, 'Job ID');
    if (job === null) return null;
    const infos = list(event, 'Stage Infos').map(readStageInfo);
    return {
      type: 'job-start',
      job,
      at: number(event, 'Submission Time') ?? 0,
      stages: infos.filter(info => info !== null),
      ...readOrigin(fields(event['Properties']) ?? {})
    };
  },
  SparkListenerJobEnd: event => {
    const job = number(event, 'Job ID');
    const result = fields(event['Job Result']);
    if (job === null || !result) return null;
    const exception = fields(result['Exception']);
    const failed = text(result, 'Result') !== 'JobSucceeded';
    return {
      type: 'job-end',
      job,
      at: number(event, 'Completion Time') ?? 0,
      failure: failed ? ((exception && text(exception, 'Message')) ?? 'failed') : null
    };
  },
  SparkListenerStageSubmitted: event => {
    const info = readStageInfo(event['Stage Info']);
    const properties = fields(event['Properties']);
    const origin = properties && readOrigin(properties);
    const cached = readCachedRdds(fields(event['Stage Info']) ?? {});
    return info && { type: 'stage-submitted', info, origin, cached };
  },
  SparkListenerStageCompleted: event => {
    const info = readStageInfo(event['Stage Info']);
    const cached = readCachedRdds(fields(event['Stage Info']) ?? {});
    return info && { type: 'stage-completed', info, cached };
  },
  'org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionEnd': event => {
    const sql = number(event, 'executionId');
    if (sql === null) return null;
    return {
      type: 'sql-end',
      sql: String(sql),
      at: number(event, 'time') ?? 0,
      error: text(event, 'errorMessage')
    };
  },
  SparkListenerTaskStart: event => {
    const info = readTaskInfo(event);
    return info && { type: 'task-start', info };
  },
  SparkListenerTaskEnd: event => {
    const info = readTaskInfo(event);
    const reason = fields(event['Task End Reason']);
    if (!info || !reason) return null;
    return {
      type: 'task-end',
      info,
      outcome: readTaskOutcome(reason, info.executor),
      memory: readMemory(event['Task Executor Metrics']),
      metrics: readTaskMetrics(event['Task Metrics'])
    };
  },
  SparkListenerStageExecutorMetrics: event => {
    const executor = text(event, 'Executor ID');
    const memory = readMemory(event['Executor Metrics']);
    if (executor === null || !memory) return null;
    return { type: 'executor-memory', executor, memory, heartbeat: false };
  },
  SparkListenerExecutorMetricsUpdate: event => {
    const executor = text(event, 'Executor ID');
    if (executor === null) return null;
    const memory = list(event, 'Executor Metrics Updated')
      .map(update => readMemory(fields(update)?.['Executor Metrics']))
      .reduce((a, b) => (a && b ? largerMemory(a, b) : (a ?? b)), null);
    return {
      type: 'executor-memory',
      executor,
      memory: memory ?? NOT_MEASURED,
      heartbeat: true
    };
  },
  SparkListenerBlockUpdated: event => {
    const info = fields(event['Block Updated Info']);
    const manager = info && fields(info['Block Manager ID']);
    const executor = manager && text(manager, 'Executor ID');
    if (!info || executor === null) return null;
    const block = readBlock(info, info);
    return block ? { type: 'block-updated', executor, ...block } : undefined;
  },
  SparkListenerBlockManagerAdded: event => {
    const manager = fields(event['Block Manager ID']);
    const executor = manager && text(manager, 'Executor ID');
    if (executor === null) return null;
    return {
      type: 'block-manager-added',
      executor,
      unifiedMiB: (number(event, 'Maximum Memory') ?? 0) / MIB,
      at: number(event, 'Timestamp') ?? 0
    };
  },
  SparkListenerBlockManagerRemoved: event => {
    const manager = fields(event['Block Manager ID']);
    const executor = manager && text(manager, 'Executor ID');
    if (executor === null) return null;
    return { type: 'block-manager-removed', executor, at: number(event, 'Timestamp') ?? 0 };
  },
  SparkListenerUnpersistRDD: event => {
    const rdd = number(event, 'RDD ID');
    return rdd === null ? null : { type: 'rdd-unpersisted', rdd };
  },
  [`${SQL}SparkListenerSQLExecutionStart`]: event => {
    const sql = number(event, 'executionId');
    if (sql === null) return null;
    const root = number(event, 'rootExecutionId');
    const tags = list(event, 'jobTags').filter(tag => typeof tag === 'string');
    const files = readFileMetrics(event['sparkPlanInfo']);
    if (!files && tags.length === 0 && (root ?? sql) === sql) return undefined;
    return {
      type: 'sql-start',
      sql: String(sql),
      root: root === null ? null : String(root),
      tags: tags.length === 0 ? null : tags.join(','),
      files
    };
  },
  [`${SQL}SparkListenerSQLAdaptiveExecutionUpdate`]: readPlan,
  [`${SQL}SparkListenerDriverAccumUpdates`]: event => {
    const sql = number(event, 'executionId');
    if (sql === null) return null;
    const updates = list(event, 'accumUpdates').filter(
      (update): update is [number, number] =>
        Array.isArray(update) && typeof update[0] === 'number' && typeof update[1] === 'number'
    );
    return updates.length === 0 ? undefined : { type: 'sql-counted', sql: String(sql), updates };
  }
};

function readPlan(event: Fields): SparkEvent | null | undefined {
  const sql = number(event, 'executionId');
  if (sql === null) return null;
  const files = readFileMetrics(event['sparkPlanInfo']);
  if (!files) return undefined;
  const root = number(event, 'rootExecutionId');
  return { type: 'sql-plan', sql: String(sql), root: root === null ? null : String(root), files };
}

/** What decides how much data a task gets: Spark's own names, in SQLConf. */
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

function containerOf(info: Fields | null): string | null {
  const urls = Object.values(strings(info?.['Log Urls']));
  return urls.map(url => /container_[\w]+/.exec(url)?.[0]).find(id => id !== undefined) ?? null;
}

function readOrigin(properties: Fields): JobOrigin {
  return {
    tags: text(properties, 'spark.job.tags'),
    sql:
      text(properties, 'spark.sql.execution.root.id') ?? text(properties, 'spark.sql.execution.id'),
    description: text(properties, 'spark.job.description'),
    layout: Object.fromEntries(
      LAYOUT.flatMap(key => {
        const value = text(properties, key);
        return value === null ? [] : [[key, value]];
      })
    )
  };
}

function readStageInfo(json: unknown): StageInfo | null {
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
    // A stage is as determinate as its RDD.
    indeterminate: rdd !== null && text(rdd, 'DeterministicLevel') === 'INDETERMINATE',
    rdd: rdd && number(rdd, 'RDD ID')
  };
}

/** The last of a stage's RDDs, which has the largest id. */
function rddOf(info: Fields): Fields | null {
  let last: Fields | null = null;
  for (const one of list(info, 'RDD Info')) {
    const rdd = fields(one);
    if (!rdd) continue;
    if (!last || (number(rdd, 'RDD ID') ?? 0) > (number(last, 'RDD ID') ?? 0)) last = rdd;
  }
  return last;
}

function readTaskInfo(event: Fields): TaskInfo | null {
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
