import type { Advice } from '@aglais/protocol';
import type { GrantedMemory } from '../application/spark-conf.js';
import type { Setback } from '../application/lost-work.js';
import { memory } from './format.js';

/** Sizes are advised in whole steps of this, MiB. */
const STEP_MIB = 128;
/** A process that was killed while it grew needs more than was seen: half as much again. */
const GROWTH = 1.5;

export function roundUp(mib: number): number {
  return Math.ceil(mib / STEP_MIB) * STEP_MIB;
}

/** What is known of an executor that met its limit, MiB. */
export interface MemoryUse {
  limitMiB: number;
  usedMiB: number | null;
  pythonMiB: number | null;
}

/**
 * The room beside the heap that would have been enough.
 *
 * Python workers were measured: heap + max(384 MiB, heap/10) for the JVM itself (Spark's own
 * default overhead) + 1.5 × the most that the workers were seen to use. Not measured: 1.5 × what
 * the executor used at the kill, at least its limit. Never less than 1.25 × the present limit.
 * @param certain whether it is known that memory was the cause; only then was all of it used
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
        ? `it had used all of ${memory(Math.max(use.limitMiB, use.usedMiB ?? 0))}`
        : 'what it had used was not measured'
      : `its Python workers had reached ${memory(use.pythonMiB)}`;
  return {
    action: 'resize',
    shape: { executorOverheadMiB: overhead },
    sentence:
      `Ask for ${memory(limit)} per executor in place of ${memory(use.limitMiB)}: ` +
      `${memory(heapMiB)} of Java heap as now, ${memory(overhead)} beside it; ${seen}.`
  };
}

/** The heap was full; how much more was wanted nobody knows, so the next step is twice as much. */
export function moreHeap(granted: GrantedMemory, peakMiB: number | null, ofDriver = false): Advice {
  const heap = roundUp(2 * granted.heapMiB);
  const seen =
    peakMiB !== null && peakMiB > 0.8 * granted.heapMiB
      ? ` (${memory(peakMiB)} of ${memory(granted.heapMiB)} was in use when last measured)`
      : '';
  return {
    action: 'resize',
    shape: ofDriver ? { driverMemoryMiB: heap } : { executorMemoryMiB: heap },
    sentence:
      `Ask for ${memory(heap)} of Java heap ${ofDriver ? 'for the driver' : 'per executor'} in place of ` +
      `${memory(granted.heapMiB)}${seen}.`
  };
}

/** Smaller tasks hold less at once: twice as many partitions, half the data in each. */
export function morePartitions(setbacks: readonly Setback[]): Advice[] {
  const tasks = Math.max(0, ...setbacks.map(({ stageTasks }) => stageTasks));
  if (tasks === 0) return [];
  return [
    {
      action: 'code',
      hint: `repartition(${2 * tasks})`,
      sentence:
        `Let each task hold half as much: ${2 * tasks} partitions in place of ${tasks}, ` +
        `e.g. df.repartition(${2 * tasks}) before the step that needs the memory.`
    }
  ];
}
