import type { FilesRead } from './file-reads.js';
import type { NotableTask } from './stage-metrics.js';
import type { Stage } from './stages.js';

/** What is kept of a stage that is done and might have been quicker. Plain figures. */
export interface StageSummary {
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

export function summarizeStage(
  stage: Stage,
  attempt: number,
  files: FilesRead | null,
  conf: Readonly<Record<string, string>>
): StageSummary {
  const { metrics } = stage;
  const medianMs = metrics.durations.median;
  const longest = metrics.longest[0];
  const shortest = longest ? (metrics.shortestOn.get(longest.executor) ?? Infinity) : Infinity;
  return {
    stage: stage.id,
    attempt,
    name: stage.name,
    description: stage.description,
    layout: { ...conf, ...stage.layout },
    jobs: [...stage.jobs],
    startedAt: metrics.firstLaunch,
    endedAt: metrics.lastFinish,
    tasks: metrics.tasks,
    slots: Math.max(metrics.slots, metrics.peakRunning),
    others: metrics.others,
    peakRunning: metrics.peakRunning,
    spanMs: Math.max(0, metrics.lastFinish - metrics.firstLaunch),
    taskMs: metrics.taskMs,
    runMs: metrics.runMs,
    gcMs: metrics.gcMs,
    overheadMs: metrics.overheadMs,
    medianMs,
    medianReadBytes: metrics.reads.median,
    medianReadRecords: metrics.records.median,
    longest: [...metrics.longest],
    longestHadPeers: shortest <= 2 * medianMs,
    worstSpill: metrics.worstSpill,
    worstGc: metrics.worstGc,
    files: metrics.inputBytes > 0 ? files : null,
    inputBytes: metrics.inputBytes,
    shuffleReadBytes: metrics.shuffleReadBytes,
    shuffleWriteBytes: metrics.shuffleWriteBytes,
    outputBytes: metrics.outputBytes,
    memorySpilled: metrics.memorySpilled,
    diskSpilled: metrics.diskSpilled,
    spilledTasks: metrics.spilledTasks,
    spilledRunMs: metrics.spilledRunMs
  };
}
