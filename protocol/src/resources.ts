import { z } from 'zod';

const MiB = z.number().nullable().describe('MiB; null if not known');

/** Memory of one process group, in MiB: what it uses of what it was granted. */
export const Memory = z
  .strictObject({
    limitMiB: MiB,
    usedMiB: MiB.describe('Resident memory of the process and its children, MiB'),
    heapLimitMiB: MiB,
    heapUsedMiB: MiB,
    pythonMiB: MiB.describe('Resident memory of the Python workers, MiB')
  })
  .meta({ id: 'Memory' });
export type Memory = z.infer<typeof Memory>;

export const Executor = z
  .strictObject({
    id: z.string(),
    host: z.string(),
    state: z.enum(['active', 'lost']),
    cores: z.number().int(),
    runningTasks: z.number().int(),
    doneTasks: z.number().int(),
    failedTasks: z.number().int(),
    addedAt: z.number().int(),
    removedAt: z.number().int().nullable(),
    removedReason: z.string().nullable().describe('Verbatim from Spark'),
    memory: Memory
  })
  .meta({ id: 'Executor' });
export type Executor = z.infer<typeof Executor>;
