import type { LauncherKind } from './launcher-kind.js';
import type { Shape } from './shape.js';

/**
 * Whether a running Spark can be given another size. Heaps and processors are fixed when their Java starts; what an executor
 * may use beside its heap is a limit that the system can move under it. On Kubernetes a limit is only ever raised, and there
 * may be more or fewer executors, or another range of them.
 * @param launcher of the running cluster
 */
export function canResizeInPlace(from: Shape, to: Shape, launcher: LauncherKind): boolean {
  const onKubernetes = launcher === 'kubernetes';
  return (
    from.driverMemoryMiB === to.driverMemoryMiB &&
    from.executorMemoryMiB === to.executorMemoryMiB &&
    from.executorCores === to.executorCores &&
    (onKubernetes || sameExecutors(from, to)) &&
    (!onKubernetes || to.executorOverheadMiB >= from.executorOverheadMiB)
  );
}

/** Whether both ask for the same number of executors, or the same range. */
export function sameExecutors({ executors: a }: Shape, { executors: b }: Shape): boolean {
  return a.min === b.min && a.max === b.max;
}
