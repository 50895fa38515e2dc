import { z } from 'zod';
import { Count, Text, Time } from './text.js';

/** The largest number of bytes in 64 bits, MiB. */
const MAX_MIB = 2 ** 44;

/** Memory of the pod in which a Jupyter Server and its kernels run. */
export const NotebookMemory = z
  .strictObject({
    pod: z.string().describe('namespace/name'),
    limitMiB: z.number().nullable().describe('In force now, MiB; null if it has no limit'),
    usedMiB: z
      .number()
      .nullable()
      .describe(
        'As its Jupyter Server measured last, without the page cache that can be reclaimed, MiB; null if not reported'
      ),
    oomKills: z
      .number()
      .int()
      .nullable()
      .describe('Processes in it that the kernel has killed for lack of memory; null if not known'),
    maxMiB: z.number().int().describe('Maximum for the limit, MiB'),
    pendingMiB: z.number().nullable().describe('A requested limit that is not in force yet, MiB'),
    waitingFor: z.string().nullable().describe('Why it is not in force yet'),
    blockedReason: z
      .string()
      .nullable()
      .describe('Why the limit cannot be raised while the pod runs, for people; null if it can')
  })
  .meta({ id: 'NotebookMemory' });
export type NotebookMemory = z.infer<typeof NotebookMemory>;

export const NotebookMemoryRequest = z
  .strictObject({ memoryMiB: z.number().int().min(1).max(MAX_MIB) })
  .meta({ id: 'NotebookMemoryRequest' });
export type NotebookMemoryRequest = z.infer<typeof NotebookMemoryRequest>;

/** What a Jupyter Server reads from its own cgroup. */
export const NotebookReading = z
  .strictObject({
    usedMiB: z.number().min(0).max(MAX_MIB),
    oomKills: Count
  })
  .meta({ id: 'NotebookReading' });
export type NotebookReading = z.infer<typeof NotebookReading>;

/** A kernel died unexpectedly. */
export const KernelDeath = z
  .strictObject({
    kernel: Text(200, 1),
    at: Time.describe('When it was noticed, ms since the epoch'),
    exitCode: z
      .number()
      .int()
      .min(-(2 ** 31))
      .max(2 ** 32 - 1)
      .nullable()
      .describe('Of its process, as Python has it: -9 is the signal 9; null if not known'),
    memory: z
      .strictObject({
        oomKills: Count.describe(
          'Processes that were killed for memory since the kernel was last seen alive'
        ),
        limitMiB: z.number().min(0).max(MAX_MIB).nullable(),
        quote: Text(200).describe('The line of the counter, e.g. `oom_kill 1`'),
        ref: Text(500).describe('Whose counter, and its file')
      })
      .nullable()
      .describe('Of the cgroup in which it ran; null if that cannot be read')
  })
  .meta({ id: 'KernelDeath' });
export type KernelDeath = z.infer<typeof KernelDeath>;

/** The header in which a Jupyter Server proves in which pod it runs. */
export const POD_TOKEN_HEADER = 'Aglais-Pod-Token';
