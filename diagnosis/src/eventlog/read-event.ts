import type { Malformed, SparkEvent } from './spark-event.js';
import { fields, list, number, strings, text, type Fields } from './json-fields.js';
import { containerOf, readOrigin, readStageInfo, readTaskInfo } from './stage-and-task-info.js';
import {
  largerMemory,
  NOT_MEASURED,
  readBlock,
  readCachedRdds,
  readMemory,
  readTaskMetrics
} from './task-metrics.js';
import { readFileMetrics } from './plan-file-metrics.js';
import { readTaskOutcome } from './task-outcome.js';

const MIB = 2 ** 20;
/** Names of Spark SQL events include their package. */
const SQL = 'org.apache.spark.sql.execution.ui.';

/**
 * Reads the JSON of one listener event. Returns the event, the name of an event that the diagnosis does not use, or
 * what is wrong with it. Never throws.
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

/** Whether the diagnosis uses events with this name; the JSON of all others need not be parsed. */
export function readsEvent(name: string): boolean {
  return Object.hasOwn(READERS, name);
}

/** Null: a field is missing that Spark always writes; undefined: nothing relevant. */
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
    if (executor === null) return null;
    const memory = readMemory(event['Executor Metrics']) ?? NOT_MEASURED;
    return { type: 'executor-memory', executor, memory };
  },
  SparkListenerExecutorMetricsUpdate: event => {
    const executor = text(event, 'Executor ID');
    if (executor === null) return null;
    const memory = list(event, 'Executor Metrics Updated')
      .map(update => readMemory(fields(update)?.['Executor Metrics']))
      .reduce((a, b) => (a && b ? largerMemory(a, b) : (a ?? b)), null);
    return {
      type: 'heartbeat',
      executor,
      memory: memory ?? NOT_MEASURED,
      at: number(event, 'Timestamp')
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
