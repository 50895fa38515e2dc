import type { Cost } from '@aglais/protocol';
import type { Setback } from '../application/lost-work.js';
import { Spans } from '../application/time-spans.js';

/**
 * What setbacks took together.
 *
 * - `taskMs` = sum of the durations of the attempts that did not count: those that failed, those
 *   that had finished and whose output was lost, and, where Spark does not name the latter, those
 *   that did finished work again (see Tasks, which books them).
 * - `recomputedTasks` = number of tasks (partition of a stage) that were started again.
 * - `wallMs` = length of the union of the times in which an attempt ran that failed, or one ran
 *   that repeated finished work. Useful tasks may have run at the same time, so the job was held
 *   up by at most this much plus the time it waited for a new executor.
 */
export function costOf(setbacks: readonly Setback[]): Cost {
  const spans = new Spans();
  for (const setback of setbacks) spans.addAll(setback.spans);
  return {
    taskMs: setbacks.reduce((sum, setback) => sum + setback.taskMs, 0),
    recomputedTasks: setbacks.reduce((sum, setback) => sum + setback.again, 0),
    wallMs: spans.length
  };
}
