import { z } from 'zod';

const MiB = (what: string, min: number) =>
  z.number().int().min(min).max(16_777_216).describe(`${what}, MiB`);

/** The size of a cluster: a driver and its executors. All memory in MiB. */
export const Shape = z
  .strictObject({
    driverMemoryMiB: MiB("The driver's Java heap", 256),
    executors: z
      .strictObject({
        min: z
          .number()
          .int()
          .min(1)
          .max(1000)
          .describe('Minimum number of executors; not more than max'),
        max: z.number().int().min(1).max(1000).describe('Maximum number of executors')
      })
      .refine(range => range.min <= range.max, {
        message: 'min must not be larger than max'
      }),
    executorMemoryMiB: MiB("One executor's Java heap", 256),
    executorOverheadMiB: MiB(
      'Memory overhead of one executor (outside the Java heap): Python workers, native memory, the JVM itself',
      128
    ),
    executorCores: z.number().int().min(1).max(256).describe('Tasks that one executor runs at once')
  })
  .meta({ id: 'Shape', description: 'The size of a cluster' });
export type Shape = z.infer<typeof Shape>;

/** Memory limit of one executor (MiB): heap + overhead. */
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

/** The smallest shape that runs the examples well on a laptop. */
export const DEFAULT_SHAPE: Shape = {
  driverMemoryMiB: 1024,
  executors: { min: 2, max: 2 },
  executorMemoryMiB: 512,
  executorOverheadMiB: 384,
  executorCores: 1
};
