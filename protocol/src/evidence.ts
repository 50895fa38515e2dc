import { z } from 'zod';

/** A verbatim observation, with its time and source. */
export const Evidence = z
  .strictObject({
    source: z.enum(['eventlog', 'container', 'k8s-event', 'log', 'cgroup', 'client']),
    at: z
      .number()
      .int()
      .nullable()
      .describe('When it happened, ms since the epoch; null if unknown'),
    quote: z.string().describe('Verbatim, never reworded'),
    ref: z.string().describe('Where it was read: file and line, pod and container')
  })
  .meta({ id: 'Evidence' });
export type Evidence = z.infer<typeof Evidence>;
