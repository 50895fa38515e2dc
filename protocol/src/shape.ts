import { z } from 'zod';
import type { LauncherKind } from './launcher-kind.js';

const MiB = (what: string, min: number) =>
  z.number().int().min(min).max(16_777_216).describe(`${what}, MiB`);

/** The size of a cluster: a driver and its executors. All memory in MiB. */
export const Shape = z
  .strictObject({
    driverMemoryMiB: MiB("The driver's Java heap", 256),
    executors: z
      .strictObject({
        min: z.number().int().min(1).max(1000).describe('Executors that are always there'),
        max: z.number().int().min(1).max(1000).describe('Executors that there may be')
      })
      .refine(range => range.min <= range.max, {
        message: 'min must not be larger than max'
      }),
    executorMemoryMiB: MiB("One executor's Java heap", 256),
    executorOverheadMiB: MiB(
      'What one executor may use beyond its heap: Python workers, native memory, the JVM itself',
      128
    ),
    executorCores: z.number().int().min(1).max(256).describe('Tasks that one executor runs at once')
  })
  .meta({ id: 'Shape', description: 'The size of a cluster' });
export type Shape = z.infer<typeof Shape>;

/** Memory that the operating system may see one executor use (MiB): heap + overhead. */
export function executorLimitMiB(shape: Shape): number {
  return shape.executorMemoryMiB + shape.executorOverheadMiB;
}

/** What a driver's JVM uses beyond its heap (class data, code cache, threads), MiB; measured 150–250. */
export const DRIVER_OVERHEAD_MIB = 256;

/** Memory that a cluster of this shape may use when all its executors are there (MiB). */
export function shapeTotalMiB(shape: Shape): number {
  return (
    shape.driverMemoryMiB + DRIVER_OVERHEAD_MIB + shape.executors.max * executorLimitMiB(shape)
  );
}

/**
 * Whether a running Spark can be given another size. Heaps and processors are fixed when their Java starts; what an executor
 * may use beside its heap is a limit that the system can move under it. On Kubernetes a limit is only ever raised, and there
 * may be more or fewer executors if their number is fixed: a range is Spark's own to count.
 * @param launcher of the running cluster
 */
export function takesLive(from: Shape, to: Shape, launcher: LauncherKind): boolean {
  const onKubernetes = launcher === 'kubernetes';
  return (
    from.driverMemoryMiB === to.driverMemoryMiB &&
    from.executorMemoryMiB === to.executorMemoryMiB &&
    from.executorCores === to.executorCores &&
    (sameExecutors(from, to) || (onKubernetes && isFixed(from) && isFixed(to))) &&
    (!onKubernetes || to.executorOverheadMiB >= from.executorOverheadMiB)
  );
}

/** Whether both ask for the same number of executors, or the same range. */
export function sameExecutors({ executors: a }: Shape, { executors: b }: Shape): boolean {
  return a.min === b.min && a.max === b.max;
}

const isFixed = ({ executors: { min, max } }: Shape) => min === max;

/** The smallest shape that runs the examples well on a laptop. */
export const DEFAULT_SHAPE: Shape = {
  driverMemoryMiB: 1024,
  executors: { min: 2, max: 2 },
  executorMemoryMiB: 512,
  executorOverheadMiB: 384,
  executorCores: 1
};
