import { z } from 'zod';

/** What the launcher of a cluster can change while it runs, without a restart. */
export const ResizeInPlace = z
  .strictObject({
    raiseMemory: z.boolean().describe('The memory limit of executors can be raised'),
    lowerMemory: z.boolean().describe('The memory limit of executors can be lowered'),
    executors: z.boolean().describe('The number of executors can be changed')
  })
  .meta({ id: 'ResizeInPlace' });
export type ResizeInPlace = z.infer<typeof ResizeInPlace>;
