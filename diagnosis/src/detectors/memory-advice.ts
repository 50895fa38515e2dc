import type { Advice } from '@aglais/protocol';
import type { GrantedMemory } from '../application/granted-memory.js';
import type { LostWork } from '../application/lost-work.js';
import { formatMiB } from './format.js';

/** Recommended sizes are multiples of this, MiB. */
const STEP_MIB = 128;
/** A process that was killed while growing needs more than was observed: 1.5 times as much. */
const GROWTH = 1.5;

/** Rounds up to the next multiple of the step, MiB. */
export function roundUp(mib: number): number {
  return Math.ceil(mib / STEP_MIB) * STEP_MIB;
}

/** Memory of an executor that reached its limit, MiB; null where it was not measured. */
export interface MemoryUse {
  limitMiB: number;
  usedMiB: number | null;
  pythonMiB: number | null;
}

/**
 * The memory overhead that would have been enough.
 *
 * If the Python workers were measured: heap + max(384 MiB, heap/10) for the JVM itself (Spark's
 * default overhead) + 1.5 × the peak of the workers. Otherwise 1.5 × the memory in use at the kill,
 * and at least the limit. Never less than 1.25 × the current limit.
 * @param certain whether memory is known to be the cause; only then was the limit reached
 */
export function moreOverhead(granted: GrantedMemory, use: MemoryUse, certain: boolean): Advice {
  const { heapMiB } = granted;
  const needed =
    use.pythonMiB === null
      ? GROWTH * Math.max(use.limitMiB, use.usedMiB ?? 0)
      : heapMiB + Math.max(384, heapMiB / 10) + GROWTH * use.pythonMiB;
  const limit = roundUp(Math.max(needed, 1.25 * use.limitMiB, heapMiB + 384));
  const overhead = Math.round(limit - heapMiB);
  const seen =
    use.pythonMiB === null
      ? certain
        ? `it had used all of its ${formatMiB(Math.max(use.limitMiB, use.usedMiB ?? 0))}`
        : 'its memory use was not measured'
      : `its Python workers used up to ${formatMiB(use.pythonMiB)}`;
  return {
    action: 'resize',
    shape: { executorOverheadMiB: overhead },
    sentence:
      `Request ${formatMiB(limit)} per executor instead of ${formatMiB(use.limitMiB)}: ` +
      `${formatMiB(heapMiB)} of Java heap as now and ${formatMiB(overhead)} of memory overhead (outside the Java heap); ${seen}.`
  };
}

/** The heap was full. How much more is needed is unknown, so the next step is twice as much. */
export function moreHeap(granted: GrantedMemory, peakMiB: number | null, ofDriver = false): Advice {
  const heap = roundUp(2 * granted.heapMiB);
  const seen =
    peakMiB !== null && peakMiB > 0.8 * granted.heapMiB
      ? ` (${formatMiB(peakMiB)} of ${formatMiB(granted.heapMiB)} in use when last measured)`
      : '';
  return {
    action: 'resize',
    shape: ofDriver ? { driverMemoryMiB: heap } : { executorMemoryMiB: heap },
    sentence:
      `Request ${formatMiB(heap)} of Java heap ${ofDriver ? 'for the driver' : 'per executor'} instead of ` +
      `${formatMiB(granted.heapMiB)}${seen}.`
  };
}

/** Smaller tasks hold less data at once: twice as many partitions, half the data in each. */
export function morePartitions(lostWork: readonly LostWork[]): Advice[] {
  const tasks = Math.max(0, ...lostWork.map(({ stageTasks }) => stageTasks));
  if (tasks === 0) return [];
  return [
    {
      action: 'code',
      hint: `repartition(${2 * tasks})`,
      sentence:
        `Halve the data per task: use ${2 * tasks} partitions instead of ${tasks}, ` +
        `e.g. df.repartition(${2 * tasks}) before the step that needs the memory.`
    }
  ];
}
