import type { Shape } from './shape.js';

/**
 * Whether a Spark that was started with one size can be given another. Heaps, processors and the number of executors are fixed when their
 * Java starts; what an executor may use beside its heap is a limit that the system can move under it.
 */
export function takesLive(from: Shape, to: Shape): boolean {
  return (
    from.driverMemoryMiB === to.driverMemoryMiB &&
    from.executorMemoryMiB === to.executorMemoryMiB &&
    from.executorCores === to.executorCores &&
    from.executors.min === to.executors.min &&
    from.executors.max === to.executors.max
  );
}
