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
  /** The executor whose lost output made Spark try the stage again; null if Spark did not say. */
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
  /** Its rows may come out otherwise when it runs again. */
  indeterminate: boolean;
  /** The RDD that it computes; null if Spark does not say. */
  rdd: number | null;
  /** It makes a shuffle's output again that another stage had made. */
  remakes: boolean;
  /** Spark did not need it: its output was there already. */
  skipped: boolean;
  readonly begun: PartitionSet;
  readonly finished: PartitionSet;
  /** PartitionSet that were started again after a loss. */
  readonly again: PartitionSet;
  /** PartitionSet whose attempt was lost and that nobody has started again yet. */
  readonly lost: Map<number, LostWork>;
  /** What the job is for, in the words of the user or a library. */
  description: string | null;
  /** Settings of its session that say how data is laid out. */
  layout: Readonly<Record<string, string>>;
  /** Id of the (root) SQL execution that it works for. */
  sql: string | null;
  readonly metrics: StageMetrics;
  /** What it found of cached tables; null if it uses none. */
  reads: CacheReads | null;
  /** An attempt succeeded, and what it cost is booked. */
  judged: boolean;
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
    judged: false
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

/** Work that was there before this attempt: the stage was done earlier, under this id or another's. */
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

/** The newest attempt as people see it. */
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
