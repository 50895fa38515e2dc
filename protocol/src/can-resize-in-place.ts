import type { ResizeInPlace } from './resize-in-place.js';
import type { Shape } from './shape.js';

/**
 * Whether a running cluster can be resized to another shape. Heaps and cores are fixed when a JVM starts; the memory
 * overhead of an executor is a limit that the system can change, and executors can be added or removed, where the
 * launcher supports it.
 * @param able what the launcher of the running cluster can do
 */
export function canResizeInPlace(from: Shape, to: Shape, able: ResizeInPlace): boolean {
  const { raiseMemory, lowerMemory, executors } = able;
  const [before, after] = [from.executorOverheadMiB, to.executorOverheadMiB];
  return (
    from.driverMemoryMiB === to.driverMemoryMiB &&
    from.executorMemoryMiB === to.executorMemoryMiB &&
    from.executorCores === to.executorCores &&
    (executors || sameExecutors(from, to)) &&
    (raiseMemory || after <= before) &&
    (lowerMemory || after >= before)
  );
}

/** Whether both have the same number of executors, or the same range. */
export function sameExecutors({ executors: a }: Shape, { executors: b }: Shape): boolean {
  return a.min === b.min && a.max === b.max;
}
