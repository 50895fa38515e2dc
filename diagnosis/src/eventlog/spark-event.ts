import type { BlockStatus, CachedRdd, MeasuredMemory, TaskMetrics } from './task-metrics.js';
import type { FileMetrics } from './plan-file-metrics.js';
import type { TaskOutcome } from './task-outcome.js';

/** A stage attempt as Spark reports it. Times are ms since the epoch. */
export interface StageInfo {
  stage: number;
  attempt: number;
  name: string;
  tasks: number;
  parents: number[];
  submittedAt: number | null;
  completedAt: number | null;
  failure: string | null;
  /** Nondeterministic: its rows may differ when it runs again, according to Spark (3.4 and later). */
  indeterminate: boolean;
  /** The RDD that it computes; null if Spark does not report it. */
  rdd: number | null;
}

export interface TaskInfo {
  task: number;
  stage: number;
  attempt: number;
  /** Its index in the task set, which every version of Spark logs. */
  index: number | null;
  /** Null in retried stages of Spark before 3.3, which does not log it. */
  partition: number | null;
  executor: string;
  launchedAt: number;
  finishedAt: number;
  speculative: boolean;
}

/** The properties that identify the scope of a job. */
export interface JobOrigin {
  /** `spark.job.tags`, comma-separated. */
  tags: string | null;
  /** Id of the (root) SQL execution. */
  sql: string | null;
  /** Id of the streaming query of its micro-batch (`sql.streaming.queryId`, StreamExecution). */
  stream: string | null;
  /** The job description of the user or a library (`spark.job.description`). */
  description: string | null;
  /** Settings of the session that affect partitioning, where they differ from the default. */
  layout: Readonly<Record<string, string>>;
}

/** The events that the diagnosis uses, independent of the version of Spark. */
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
      /** The YARN container, from the URLs of its logs. */
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
      /** Cached RDDs that it computes or reads. */
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
  /** The peaks of an ended stage. */
  | { type: 'executor-memory'; executor: string; memory: MeasuredMemory }
  /** Only in live logs, or the driver's own. Spark writes no timestamp (null); our listener adds one, ms since the epoch. */
  | { type: 'heartbeat'; executor: string; memory: MeasuredMemory; at: number | null }
  | ({ type: 'block-updated'; executor: string } & BlockStatus)
  /** The unified memory of a process, on and off heap. */
  | { type: 'block-manager-added'; executor: string; unifiedMiB: number; at: number }
  | { type: 'block-manager-removed'; executor: string; at: number }
  | { type: 'rdd-unpersisted'; rdd: number }
  /** An SQL execution starts; its jobs, if it has any, carry the same ids (Spark 3.5 and later). */
  | {
      type: 'sql-start';
      sql: string;
      root: string | null;
      /** Comma-separated, as in `spark.job.tags`. */
      tags: string | null;
      files: FileMetrics | null;
    }
  /** A plan with scans that count files, changed while it runs. */
  | { type: 'sql-plan'; sql: string; root: string | null; files: FileMetrics }
  /** Metrics that the driver reports for a plan. */
  | { type: 'sql-counted'; sql: string; updates: [id: number, value: number][] };

/** A known event without a required field. */
export interface Malformed {
  malformed: string;
}
