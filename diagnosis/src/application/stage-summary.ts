import type { FilesRead } from './file-reads.js';
import type { NotableTask } from './stage-metrics.js';
import type { Stage } from './stages.js';

/** What is kept of a stage that is done and might have been quicker. Plain figures. */
export interface StageFacts {
  stage: number;
  attempt: number;
  /** Spark's name of it: the call and the line of the user's code. */
  name: string;
  /** What the user or a library said that its job is for. */
  description: string | null;
  /** Settings of the session that say how data is laid out. */
  layout: Readonly<Record<string, string>>;
  jobs: number[];
  endedAt: number;
  startedAt: number;
  tasks: number;
  /** Tasks that all executors together can run at the same time. */
  slots: number;
  /** Most of these slots that other stages were seen to use. */
  others: number;
  /** Most tasks of it that did. */
  peakRunning: number;
  /** From the first launch to the last end, ms. */
  spanMs: number;
  taskMs: number;
  runMs: number;
  gcMs: number;
  overheadMs: number;
  medianMs: number;
  medianReadBytes: number;
  medianReadRecords: number;
  longest: readonly NotableTask[];
  /** The executor of the longest task did another of its tasks at an ordinary speed. */
  longestHadPeers: boolean;
  worstSpill: NotableTask | null;
  worstGc: NotableTask | null;
  /** What the scans of its SQL execution read together; null if it has none or is no scan. */
  files: FilesRead | null;
  inputBytes: number;
  shuffleReadBytes: number;
  shuffleWriteBytes: number;
  outputBytes: number;
  memorySpilled: number;
  diskSpilled: number;
  spilledTasks: number;
  spilledRunMs: number;
}

export function factsOf(
  stage: Stage,
  attempt: number,
  files: FilesRead | null,
  conf: Readonly<Record<string, string>>
): StageFacts {
  const { work } = stage;
  const medianMs = work.durations.median;
  const longest = work.longest[0];
  const shortest = longest ? (work.shortestOn.get(longest.executor) ?? Infinity) : Infinity;
  return {
    stage: stage.id,
    attempt,
    name: stage.name,
    description: stage.description,
    layout: { ...conf, ...stage.layout },
    jobs: [...stage.jobs],
    startedAt: work.firstLaunch,
    endedAt: work.lastFinish,
    tasks: work.tasks,
    slots: Math.max(work.slots, work.peakRunning),
    others: work.others,
    peakRunning: work.peakRunning,
    spanMs: Math.max(0, work.lastFinish - work.firstLaunch),
    taskMs: work.taskMs,
    runMs: work.runMs,
    gcMs: work.gcMs,
    overheadMs: work.overheadMs,
    medianMs,
    medianReadBytes: work.reads.median,
    medianReadRecords: work.records.median,
    longest: [...work.longest],
    longestHadPeers: shortest <= 2 * medianMs,
    worstSpill: work.worstSpill,
    worstGc: work.worstGc,
    files: work.inputBytes > 0 ? files : null,
    inputBytes: work.inputBytes,
    shuffleReadBytes: work.shuffleReadBytes,
    shuffleWriteBytes: work.shuffleWriteBytes,
    outputBytes: work.outputBytes,
    memorySpilled: work.memorySpilled,
    diskSpilled: work.diskSpilled,
    spilledTasks: work.spilledTasks,
    spilledRunMs: work.spilledRunMs
  };
}
