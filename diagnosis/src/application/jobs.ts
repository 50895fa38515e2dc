import type { Evidence } from '@aglais/protocol';

export interface Job {
  readonly id: number;
  /** Key of the scope that it belongs to. */
  readonly scope: string;
  readonly stages: number[];
  /** Its result stage, and the number of its tasks. */
  readonly resultStage: number;
  readonly resultTasks: number;
  /** Results that the driver received: successful attempts and bytes. */
  readonly results: { tasks: number; bytes: number };
  readonly startedAt: number;
  /** The job description of the user or a library. */
  readonly description: string | null;
  endedAt: number | null;
  result: 'running' | 'succeeded' | 'failed' | 'cancelled' | 'shutdown';
  /** Spark's failure message. */
  failure: Evidence | null;
  /** The executor whose loss last caused this job to lose work. */
  suspect: string | null;
  /** Durations of all ended attempts in its stages, ms. */
  taskMs: number;
  /** It had problems, so it must not be evicted. */
  affected: boolean;
}

/** What a job's failure message means; the messages are those of DAGScheduler, Spark 2.x to 4.x. */
export function jobResult(failure: string | null): Exclude<Job['result'], 'running'> {
  if (failure === null) return 'succeeded';
  if (/cancelled because SparkContext was shut down/i.test(failure)) return 'shutdown';
  if (/SPARK_JOB_CANCELLED|^Job \d+ cancelled/i.test(failure)) return 'cancelled';
  return 'failed';
}
