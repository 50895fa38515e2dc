import type { FilesRead } from './file-reads.js';
import type { NotableTask } from './stage-metrics.js';
import type { Stage } from './stages.js';

/** The metrics of a finished stage that could have been faster. */
export interface StageSummary {
  stage: number;
  attempt: number;
  /** Its name in Spark: the call and the line of the user's code. */
  name: string;
  /** The job description of the user or a library. */
  description: string | null;
  /** Settings of the session that affect partitioning. */
  layout: Readonly<Record<string, string>>;
  jobs: number[];
  endedAt: number;
  startedAt: number;
  tasks: number;
  /** Number of tasks that all executors together can run at the same time. */
  slots: number;
  /** Maximum number of these slots that other stages used. */
  others: number;
  /** Maximum number of slots that its own tasks used. */
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
  /** The executor of the longest task ran another task of this stage at a normal speed. */
  longestHadPeers: boolean;
  worstSpill: NotableTask | null;
  worstGc: NotableTask | null;
  /** Total of the scans of its SQL execution; null if it has none or is not a scan. */
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
