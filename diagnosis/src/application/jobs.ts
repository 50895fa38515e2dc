import type { Evidence } from '@aglais/protocol';

export interface Job {
  readonly id: number;
  /** Key of the scope it works for. */
  readonly scope: string;
  readonly stages: number[];
  /** Its last stage, which makes the result, and how many tasks that has. */
  readonly resultStage: number;
  readonly resultTasks: number;
  /** What came back of them: attempts that succeeded, and their results' bytes. */
  readonly results: { tasks: number; bytes: number };
  readonly startedAt: number;
  /** What it is for, in the words of the user or a library. */
  readonly description: string | null;
  endedAt: number | null;
  result: 'running' | 'succeeded' | 'failed' | 'cancelled' | 'shutdown';
  /** What Spark said when it ended without success. */
  failure: Evidence | null;
  /** The executor whose loss was last seen to cost this job work. */
  suspect: string | null;
  /** Durations of all attempts that ended in its stages, ms. */
  taskMs: number;
  /** Something happened to it, so it must be remembered. */
  affected: boolean;
}

/** What the failure message of a JobEnd means; the texts are DAGScheduler's, Spark 2.x to 4.x. */
export function jobResult(failure: string | null): Exclude<Job['result'], 'running'> {
  if (failure === null) return 'succeeded';
  if (/cancelled because SparkContext was shut down/i.test(failure)) return 'shutdown';
  if (/SPARK_JOB_CANCELLED|^Job \d+ cancelled/i.test(failure)) return 'cancelled';
  return 'failed';
}
