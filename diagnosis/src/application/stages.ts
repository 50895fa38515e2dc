import type { StageProgress } from '@aglais/protocol';
import type { StageInfo } from '../eventlog/spark-event.js';
import type { CacheReads } from './cache-reads.js';
import { PartitionSet } from './partition-set.js';
import type { LostWork } from './lost-work.js';
import { StageMetrics } from './stage-metrics.js';

export interface Attempt {
  readonly number: number;
  tasks: number;
  submittedAt: number | null;
  completedAt: number | null;
  failure: string | null;
  running: number;
  done: number;
  failed: number;
  /** The executor whose lost output made Spark retry the stage; null if Spark did not name it. */
  suspect: string | null;
  /** For Sparks that do not name partitions: how many tasks of this attempt repeat work. */
  repeatsLeft: number;
}

/** A stage through all its attempts. Tasks are only counted; partitions take a bit each. */
export interface Stage {
  readonly id: number;
  name: string;
  tasks: number;
  parents: number[];
  /** Key of the scope that it worked for last. */
  scope: string;
  readonly jobs: Set<number>;
  readonly attempts: Map<number, Attempt>;
  /** Its results may differ when it runs again (nondeterministic). */
  indeterminate: boolean;
  /** The RDD that it computes; null if Spark does not say. */
  rdd: number | null;
  /** It recomputes shuffle output of another stage. */
  remakes: boolean;
  /** Spark did not need it: its output was there already. */
  skipped: boolean;
  readonly begun: PartitionSet;
  readonly finished: PartitionSet;
  /** Partitions that were started again after a loss. */
  readonly again: PartitionSet;
  /** Partitions whose attempt was lost and that have not been started again yet. */
  readonly lost: Map<number, LostWork>;
  /** The job description of the user or a library. */
  description: string | null;
  /** Settings of its session that affect partitioning. */
  layout: Readonly<Record<string, string>>;
  /** Id of the (root) SQL execution that it works for. */
  sql: string | null;
  readonly metrics: StageMetrics;
  /** Its reads of cached tables; null if it uses none. */
  reads: CacheReads | null;
  /** An attempt succeeded, and its cost is recorded. */
  recorded: boolean;
}

export function newStage(info: StageInfo, scope: string): Stage {
  return {
    id: info.stage,
    name: info.name,
    tasks: info.tasks,
    parents: info.parents,
    scope,
    jobs: new Set(),
    attempts: new Map(),
    indeterminate: info.indeterminate,
    rdd: info.rdd,
    remakes: false,
    skipped: false,
    begun: new PartitionSet(),
    finished: new PartitionSet(),
    again: new PartitionSet(),
    lost: new Map(),
    description: null,
    layout: {},
    sql: null,
    metrics: new StageMetrics(),
    reads: null,
    recorded: false
  };
}

/** The attempt of that number, opened if it is new. */
export function attemptOf(stage: Stage, number: number): Attempt {
  let attempt = stage.attempts.get(number);
  if (!attempt) {
    attempt = {
      number,
      tasks: stage.tasks,
      submittedAt: null,
      completedAt: null,
      failure: null,
      running: 0,
      done: 0,
      failed: 0,
      suspect: null,
      repeatsLeft: 0
    };
    stage.attempts.set(number, attempt);
    stage.skipped = false;
  }
  return attempt;
}

/** Whether the output of a partition existed before this attempt, computed by this stage or another. */
export function hadOutput(stage: Stage, attempt: number, partition: number): boolean {
  if (stage.remakes && attempt === 0) return true;
  return attempt > 0 && (stage.finished.has(partition) || !stage.attempts.has(0));
}

export interface TaskCounts {
  total: number;
  running: number;
  done: number;
  failed: number;
}

/** Tasks of a stage through all attempts; one that had to run again is done only once. */
export function taskCounts(stage: Stage): TaskCounts {
  const attempts = [...stage.attempts.values()];
  const sum = (of: (attempt: Attempt) => number): number =>
    attempts.reduce((total, attempt) => total + of(attempt), 0);
  const done = stage.finished.size;
  // A stage whose first attempt was skipped runs only the part that was lost.
  const whole = attempts.length === 0 || stage.attempts.has(0);
  const total = stage.skipped ? 0 : whole ? stage.tasks : Math.max(...attempts.map(a => a.tasks));
  return {
    total: Math.max(total, done),
    running: sum(attempt => attempt.running),
    done,
    failed: sum(attempt => attempt.failed)
  };
}

/** The latest attempt, for display. */
export function stageProgress(stage: Stage): StageProgress {
  const attempt = [...stage.attempts.values()].at(-1);
  return {
    id: stage.id,
    attempt: attempt?.number ?? 0,
    name: stage.name,
    state: !attempt
      ? stage.skipped
        ? 'skipped'
        : 'waiting'
      : attempt.completedAt === null
        ? 'running'
        : attempt.failure === null
          ? 'done'
          : 'failed',
    tasks: {
      total: attempt?.tasks ?? stage.tasks,
      running: attempt?.running ?? 0,
      done: attempt?.done ?? 0,
      failed: attempt?.failed ?? 0
    },
    startedAt: attempt?.submittedAt ?? null,
    endedAt: attempt?.completedAt ?? null
  };
}
