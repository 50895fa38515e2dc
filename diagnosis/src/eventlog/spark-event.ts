import type { BlockStatus, CachedRdd, MeasuredMemory, TaskMetrics } from './task-metrics.js';
import type { FileMetrics } from './plan-file-metrics.js';
import type { TaskOutcome } from './task-outcome.js';

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
  /** Id of the streaming query whose micro-batch it is (`sql.streaming.queryId`, StreamExecution). */
  stream: string | null;
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
  /** The peaks of a stage that is over. */
  | { type: 'executor-memory'; executor: string; memory: MeasuredMemory }
  /** Only in live logs, or the driver's own. Spark gives it no time (null); our listener does, ms since the epoch. */
  | { type: 'heartbeat'; executor: string; memory: MeasuredMemory; at: number | null }
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
