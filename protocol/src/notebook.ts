import { z } from 'zod';
import { plainText } from './text.js';

/** Memory of the pod in which a Jupyter Server and its kernels run. */
export const NotebookMemory = z
  .strictObject({
    pod: z.string().describe('namespace/name'),
    limitMiB: z.number().nullable().describe('In force now, MiB; null if it has no limit'),
    usedMiB: z
      .number()
      .nullable()
      .describe(
        'As its Jupyter Server measured last, without files that are only kept at hand, MiB; null if it does not say'
      ),
    oomKills: z
      .number()
      .int()
      .nullable()
      .describe('Processes in it that the kernel has killed for lack of memory; null if not known'),
    maxMiB: z.number().int().describe('The most that it may be given, MiB'),
    pendingMiB: z
      .number()
      .nullable()
      .describe('A limit that was asked for and is not in force yet, MiB'),
    waitingFor: z.string().nullable().describe('Why it is not in force yet'),
    blockedReason: z
      .string()
      .nullable()
      .describe('Why it cannot be given more while it lives, for people; null if it can')
  })
  .meta({ id: 'NotebookMemory' });
export type NotebookMemory = z.infer<typeof NotebookMemory>;

export const NotebookMemoryRequest = z
  .strictObject({ memoryMiB: z.number().int().min(1) })
  .meta({ id: 'NotebookMemoryRequest' });
export type NotebookMemoryRequest = z.infer<typeof NotebookMemoryRequest>;

/** What a Jupyter Server reads of its own cgroup. */
export const NotebookReading = z
  .strictObject({
    usedMiB: z.number().min(0),
    oomKills: z.number().int().min(0)
  })
  .meta({ id: 'NotebookReading' });
export type NotebookReading = z.infer<typeof NotebookReading>;

/** A kernel ended and nobody had asked it to. */
export const KernelDeath = z
  .strictObject({
    kernel: plainText().min(1).max(200),
    at: z.number().int().describe('When it was noticed, ms since the epoch'),
    exitCode: z
      .number()
      .int()
      .nullable()
      .describe('Of its process, as Python has it: -9 is the signal 9; null if not known'),
    memory: z
      .strictObject({
        oomKills: z
          .number()
          .int()
          .min(0)
          .describe('Processes that were killed for memory since the kernel was last seen alive'),
        limitMiB: z.number().nullable(),
        quote: z.string().max(200).describe("The counter's own words, e.g. `oom_kill 1`"),
        ref: z.string().max(500).describe('Whose counter, and its file')
      })
      .nullable()
      .describe('Of the cgroup in which it ran; null if that cannot be read')
  })
  .meta({ id: 'KernelDeath' });
export type KernelDeath = z.infer<typeof KernelDeath>;

/** The header by which a Jupyter Server proves in which pod it runs. */
export const POD_TOKEN_HEADER = 'Aglais-Pod-Token';
