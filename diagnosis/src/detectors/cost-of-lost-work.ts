import type { Cost } from '@aglais/protocol';
import type { LostWork } from '../application/lost-work.js';
import { TimeSpans } from '../application/time-spans.js';

/**
 * The cost of lost work.
 *
 * - `taskMs` = sum of the durations of superseded attempts: those that failed, those that
 *   had finished and whose output was lost and, where Spark does not name the latter, those that
 *   recomputed finished work (recorded by Tasks).
 * - `recomputedTasks` = number of tasks (partitions of a stage) that were started again.
 * - `wallMs` = length of the union of the times in which a failed attempt, or one that recomputed
 *   finished work, was running. Useful tasks may have run at the same time, so the job was delayed
 *   by at most this much plus the time it waited for a new executor.
 */
export function costOf(lostWork: readonly LostWork[]): Cost {
  const spans = new TimeSpans();
  for (const entry of lostWork) spans.addAll(entry.spans);
  return {
    taskMs: lostWork.reduce((sum, entry) => sum + entry.taskMs, 0),
    recomputedTasks: lostWork.reduce((sum, entry) => sum + entry.again, 0),
    wallMs: spans.length
  };
}
