import { parseMiB } from './spark-conf.js';
import type { StageSummary } from './stage-summary.js';
import type { NotableTask } from './stage-metrics.js';

/** Time that a stage would not have taken otherwise, ms: of executors, and of the one who waits. */
export interface TimeLost {
  taskMs: number;
  wallMs: number;
}

/** Nothing that held its scope up for less is ever said, ms. */
export const MIN_LOST_MS = 1000;

export const NOTHING: TimeLost = { taskMs: 0, wallMs: 0 };

const MIB = 2 ** 20;
/** The size that Spark itself cuts input into (`spark.sql.files.maxPartitionBytes`). */
export const GOOD_PARTITION_BYTES = 128 * MIB;

/** A task this many times as long as the median holds its stage up; AQE's factor is 5, on bytes. */
const SKEWED_TIME = 3;
/** Uneven data explains it if the long task had this many times the median of bytes or records. */
const SKEWED_DATA = 2;
/** Of fewer tasks the smaller one may be only what a cut into even pieces leaves over. */
const SKEW_TASKS = 3;
/** Of two tasks, one is skewed that has so much more than what Spark cuts data into. */
const SKEWED_BYTES = 1.5 * GOOD_PARTITION_BYTES;
/** Without data to explain it only this is told from chance: a slow disk, a cold start. */
const UNEXPLAINED_TIME = 10;
const UNEXPLAINED_MS = 10_000;
/** The first tasks on an executor load and compile code and start Python: on a busy machine that takes 20 s. */
const COLD_MS = 30_000;

export type Skew = 'data' | 'time';

/**
 * Whether one task was much longer than the others: because it had more data, or for a reason that
 * only the user's code knows (its executor did other tasks at an ordinary speed, and it was
 * neither waiting for others nor collecting garbage).
 */
export function skewOf(facts: StageSummary): Skew | null {
  const task = facts.longest[0];
  if (!task || !isLong(facts, task.ms)) return null;
  if (facts.tasks < SKEW_TASKS) return isLargeOfTwo(facts, task) ? 'data' : null;
  const more =
    task.readBytes >= SKEWED_DATA * Math.max(MIB, facts.medianReadBytes) ||
    task.readRecords >= SKEWED_DATA * Math.max(1000, facts.medianReadRecords);
  if (more) return 'data';
  const own = task.runMs - task.gcMs - task.fetchWaitMs;
  const longer = task.ms - facts.medianMs;
  return facts.longestHadPeers &&
    task.ms >= UNEXPLAINED_TIME * facts.medianMs &&
    longer >= (task.cold ? COLD_MS : UNEXPLAINED_MS) &&
    own >= task.ms / 2
    ? 'time'
    : null;
}

/**
 * Three times the median; or, where adaptive execution has left few tasks, as long as all the others
 * together. Even pieces and a rest never are: of three tasks, the two full ones are as long as each other.
 */
function isLong({ tasks, taskMs, medianMs }: StageSummary, ms: number): boolean {
  const others = taskMs - ms;
  if (tasks < SKEW_TASKS) return tasks > 1 && ms >= SKEWED_TIME * others;
  return ms >= SKEWED_TIME * medianMs || ms >= others;
}

/** The other one may be the rest of an even cut: then this one is of the size that Spark was told to cut. */
function isLargeOfTwo(facts: StageSummary, task: NotableTask): boolean {
  const cut = [
    'spark.sql.files.maxPartitionBytes',
    'spark.sql.adaptive.advisoryPartitionSizeInBytes'
  ].map(key => (parseMiB(facts.layout[key], 'b') ?? 0) * MIB);
  const others = facts.inputBytes + facts.shuffleReadBytes - task.readBytes;
  return (
    task.readBytes >= Math.max(SKEWED_BYTES, ...cut.map(bytes => 1.5 * bytes)) &&
    task.readBytes >= SKEWED_DATA * others
  );
}

/**
 * What the longest task cost beyond an even share.
 *
 * even = taskMs / tasks; wallMs = min(longest − even, span − taskMs / peakRunning): it was at most
 * as much longer than an even share, and the stage could at best have ended when all the slots
 * that it had were busy to the end. The executors' time is the same either way: taskMs is 0.
 */
export function skewCost(facts: StageSummary): TimeLost {
  const task = facts.longest[0];
  if (!task || skewOf(facts) === null) return NOTHING;
  const even = facts.taskMs / facts.tasks;
  const best = facts.taskMs / facts.peakRunning;
  return { taskMs: 0, wallMs: Math.max(0, Math.min(task.ms - even, facts.spanMs - best)) };
}

/**
 * Speed at which one task serialises, compresses and writes data, or reads it again: between a
 * network disk and an SSD. An estimate, and called so.
 */
const SPILL_BYTES_PER_MS = (200 * MIB) / 1000;

/**
 * What spilling cost, by estimate: every byte on disk is written once and read once,
 *
 * taskMs = min(2 × diskSpilled / 200 MiB/s, run time of the tasks that spilled);
 * wallMs = taskMs / min(peakRunning, tasks that spilled).
 */
export function spillCost(facts: StageSummary): TimeLost {
  if (facts.spilledTasks === 0) return NOTHING;
  const taskMs = Math.min((2 * facts.diskSpilled) / SPILL_BYTES_PER_MS, facts.spilledRunMs);
  return { taskMs, wallMs: taskMs / Math.min(facts.peakRunning, facts.spilledTasks) };
}

/** Spark's own UI marks executors whose tasks spent more than this share on garbage. */
export const GC_SHARE = 0.1;

/** gcMs, if it is more than a tenth of the run time; wallMs = gcMs / peakRunning. */
export function gcCost(facts: StageSummary): TimeLost {
  if (facts.gcMs < GC_SHARE * facts.runMs) return NOTHING;
  const taskMs = Math.min(facts.gcMs, facts.runMs);
  return { taskMs, wallMs: taskMs / facts.peakRunning };
}

/** Fewer waves of tasks than this are worth their overhead. */
const SMALL_WAVES = 4;
const SMALL_TASKS = 100;
const SMALL_MS = 250;
/** What opening a file costs in Spark's own planning (`spark.sql.files.openCostInBytes`). */
const SMALL_BYTES = 4 * MIB;
/** Overhead must be this share of the task time. */
const SMALL_SHARE = 0.2;
/** Tasks for each slot that still even out differences between tasks. */
const WAVES = 2;

/** What goes through a stage, bytes: what it reads or what it makes, whichever is more. */
export function bytesThrough(facts: StageSummary): number {
  return Math.max(
    facts.inputBytes + facts.shuffleReadBytes,
    facts.shuffleWriteBytes + facts.outputBytes
  );
}

/** Tasks of 128 MiB each, but two for each slot so that none is idle. */
export function goodTasks(facts: StageSummary): number {
  return Math.max(WAVES * facts.slots, Math.ceil(bytesThrough(facts) / GOOD_PARTITION_BYTES));
}

/**
 * What too many too small tasks cost: the part of their overhead (launch to end without the run
 * time) that fewer tasks would not have had.
 *
 * taskMs = overheadMs × (1 − goodTasks / tasks); wallMs = taskMs / peakRunning.
 */
export function smallTasksCost(facts: StageSummary): TimeLost {
  const { tasks } = facts;
  if (tasks < Math.max(SMALL_TASKS, SMALL_WAVES * facts.slots)) return NOTHING;
  if (facts.taskMs / tasks > SMALL_MS || bytesThrough(facts) / tasks > SMALL_BYTES) return NOTHING;
  const taskMs = facts.overheadMs * Math.max(0, 1 - goodTasks(facts) / tasks);
  if (taskMs < SMALL_SHARE * facts.taskMs) return NOTHING;
  return { taskMs, wallMs: taskMs / facts.peakRunning };
}

const SMALL_FILES = 100;
/** About what opening a file in an object store takes, with its footer, ms. */
const OPEN_MS = 20;

/**
 * What opening many small files cost, by estimate. Spark's planner takes opening a file for as
 * expensive as reading 4 MiB; so of the time of the stage that scans them
 *
 * taskMs = min(taskMs × files × 4 MiB / (files × 4 MiB + bytes), files × 20 ms);
 * wallMs = taskMs / peakRunning.
 */
export function smallFilesCost(facts: StageSummary): TimeLost {
  const { files, tasks } = facts;
  if (!files || files.files < SMALL_FILES || tasks === 0) return NOTHING;
  const bytes = files.bytes > 0 ? files.bytes : facts.inputBytes;
  if (bytes / files.files > SMALL_BYTES) return NOTHING;
  const opening = files.files * SMALL_BYTES;
  const taskMs = Math.min((facts.taskMs * opening) / (opening + bytes), files.files * OPEN_MS);
  return { taskMs, wallMs: taskMs / facts.peakRunning };
}

/** So much more than the usual size that it is no rounding. */
const LARGE_BYTES = 1.5 * GOOD_PARTITION_BYTES;

/**
 * What too few too large tasks cost: slots had nothing to do.
 *
 * wallMs = span − taskMs / min(slots that no other stage used, tasks of 128 MiB); the executors'
 * time is the same.
 */
export function largeTasksCost(facts: StageSummary): TimeLost {
  const { tasks } = facts;
  const slots = facts.slots - facts.others;
  if (tasks === 0 || tasks >= slots || skewOf(facts) !== null) return NOTHING;
  const bytes = bytesThrough(facts);
  if (bytes / tasks < LARGE_BYTES) return NOTHING;
  const parts = Math.min(slots, Math.ceil(bytes / GOOD_PARTITION_BYTES));
  return { taskMs: 0, wallMs: Math.max(0, facts.spanMs - facts.taskMs / parts) };
}
