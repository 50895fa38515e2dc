import { parseMiB } from './spark-conf.js';
import type { StageSummary } from './stage-summary.js';
import type { NotableTask } from './stage-metrics.js';

/** Lost time, ms: of the executors (task time), and of the user (wall time). */
export interface TimeLost {
  taskMs: number;
  wallMs: number;
}

/** A shorter delay is never reported, ms. */
export const MIN_LOST_MS = 1000;

export const NOTHING: TimeLost = { taskMs: 0, wallMs: 0 };

const MIB = 2 ** 20;
/** Spark's default split size (`spark.sql.files.maxPartitionBytes`). */
export const GOOD_PARTITION_BYTES = 128 * MIB;

/** A task is long if it takes this many times the median; AQE uses a factor of 5, on bytes. */
const SKEWED_TIME = 3;
/** Skew explains it if the long task had this many times the median of bytes or records. */
const SKEWED_DATA = 2;
/** With fewer tasks the small ones may be the remainder of an even split. */
const SKEW_TASKS = 3;
/** Of two tasks, one is skewed if it has this many times the split size. */
const SKEWED_BYTES = 1.5 * GOOD_PARTITION_BYTES;
/**
 * A long task without more data is only reported from this duration on: a slow disk or a cold start can explain less.
 */
const UNEXPLAINED_TIME = 10;
const UNEXPLAINED_MS = 10_000;
/** The first tasks on an executor load and compile classes and start Python: up to 20 s on a busy machine. */
const COLD_MS = 30_000;

export type Skew = 'data' | 'time';

/**
 * Whether one task took much longer than the others: because it had more data, or for a reason in the user's code (its
 * executor ran other tasks at a normal speed, and it was neither waiting nor collecting garbage).
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
 * Three times the median; or, if adaptive execution has left few tasks, as long as all others together. An even split
 * with a remainder never matches: of three tasks, the two full ones take the same time.
 */
function isLong({ tasks, taskMs, medianMs }: StageSummary, ms: number): boolean {
  const others = taskMs - ms;
  if (tasks < SKEW_TASKS) return tasks > 1 && ms >= SKEWED_TIME * others;
  return ms >= SKEWED_TIME * medianMs || ms >= others;
}

/** The other task may be the remainder of an even split: then this one has the configured split size. */
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
 * The cost of the longest task compared to an even split.
 *
 * even = taskMs / tasks; wallMs = min(longest − even, span − taskMs / peakRunning): the stage could have ended earlier
 * by at most the additional time of its longest task, and at best with all its slots busy to the end. The task time is
 * the same either way: taskMs is 0.
 */
export function skewCost(facts: StageSummary): TimeLost {
  const task = facts.longest[0];
  if (!task || skewOf(facts) === null) return NOTHING;
  const even = facts.taskMs / facts.tasks;
  const best = facts.taskMs / facts.peakRunning;
  return { taskMs: 0, wallMs: Math.max(0, Math.min(task.ms - even, facts.spanMs - best)) };
}

/**
 * Throughput of one task that serializes, compresses and writes data, or reads it: between a network disk and an SSD.
 * An estimate, and reported as one.
 */
const SPILL_BYTES_PER_MS = (200 * MIB) / 1000;

/**
 * The estimated cost of spilling: every byte on disk is written once and read once,
 *
 * taskMs = min(2 × diskSpilled / 200 MiB/s, run time of the tasks that spilled);
 * wallMs = taskMs / min(peakRunning, tasks that spilled).
 */
export function spillCost(facts: StageSummary): TimeLost {
  if (facts.spilledTasks === 0) return NOTHING;
  const taskMs = Math.min((2 * facts.diskSpilled) / SPILL_BYTES_PER_MS, facts.spilledRunMs);
  return { taskMs, wallMs: taskMs / Math.min(facts.peakRunning, facts.spilledTasks) };
}

/** Spark's UI highlights executors whose tasks spent more than this share on garbage collection. */
export const GC_SHARE = 0.1;

/** gcMs, if it is more than a tenth of the run time; wallMs = gcMs / peakRunning. */
export function gcCost(facts: StageSummary): TimeLost {
  if (facts.gcMs < GC_SHARE * facts.runMs) return NOTHING;
  const taskMs = Math.min(facts.gcMs, facts.runMs);
  return { taskMs, wallMs: taskMs / facts.peakRunning };
}

/** With fewer waves of tasks the overhead is acceptable. */
const SMALL_WAVES = 4;
const SMALL_TASKS = 100;
const SMALL_MS = 250;
/** Spark's planning cost of opening a file (`spark.sql.files.openCostInBytes`). */
const SMALL_BYTES = 4 * MIB;
/** Minimum share of the overhead in the task time. */
const SMALL_SHARE = 0.2;
/** Tasks per slot that still balance uneven durations. */
const WAVES = 2;

/** Data volume of a stage, bytes: its input or its output, whichever is larger. */
export function bytesThrough(facts: StageSummary): number {
  return Math.max(
    facts.inputBytes + facts.shuffleReadBytes,
    facts.shuffleWriteBytes + facts.outputBytes
  );
}

/** Tasks of 128 MiB each, but at least two per slot so that none is idle. */
export function goodTasks(facts: StageSummary): number {
  return Math.max(WAVES * facts.slots, Math.ceil(bytesThrough(facts) / GOOD_PARTITION_BYTES));
}

/**
 * The cost of too many small tasks: the part of their overhead (duration minus run time) that fewer tasks would avoid.
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
/** Typical time to open a file in an object store, including its footer, ms. */
const OPEN_MS = 20;

/**
 * The estimated cost of opening many small files. Spark's planner counts opening a file like reading 4 MiB, so of the
 * time of the scanning stage
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

/** A larger excess over the usual size is not rounding. */
const LARGE_BYTES = 1.5 * GOOD_PARTITION_BYTES;

/**
 * The cost of too few large tasks: idle slots.
 *
 * wallMs = span − taskMs / min(slots that no other stage used, tasks of 128 MiB); the task time is the same.
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
