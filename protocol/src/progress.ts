import { z } from 'zod';

export const StageProgress = z
  .strictObject({
    id: z.number().int(),
    attempt: z.number().int(),
    name: z.string(),
    state: z.enum(['waiting', 'running', 'done', 'failed', 'skipped']),
    tasks: z.strictObject({
      total: z.number().int(),
      running: z.number().int(),
      done: z.number().int(),
      failed: z.number().int()
    }),
    startedAt: z.number().int().nullable(),
    endedAt: z.number().int().nullable()
  })
  .meta({ id: 'StageProgress' });
export type StageProgress = z.infer<typeof StageProgress>;

/** Progress of the Spark jobs of one run of one cell. */
export const Progress = z
  .strictObject({
    jobs: z.strictObject({
      total: z.number().int(),
      done: z.number().int(),
      failed: z.number().int()
    }),
    tasks: z.strictObject({
      total: z.number().int(),
      running: z.number().int(),
      done: z.number().int(),
      failed: z.number().int()
    }),
    stages: z.array(StageProgress).describe('The newest 20, newest last')
  })
  .meta({ id: 'Progress' });
export type Progress = z.infer<typeof Progress>;

/** One run of one notebook cell that used Spark. */
export const CellRun = z
  .strictObject({
    cluster: z.string(),
    kernel: z.string(),
    notebook: z.string(),
    cell: z.string(),
    run: z
      .number()
      .int()
      .describe(
        "The cell's execution count plus the run offset of the kernel process, a multiple of 100,000"
      ),
    outcome: z.enum(['running', 'ok', 'error', 'cancelled']),
    startedAt: z.number().int(),
    endedAt: z.number().int().nullable(),
    error: z
      .strictObject({ name: z.string(), message: z.string() })
      .nullable()
      .describe('The exception that the notebook got'),
    progress: Progress
  })
  .meta({ id: 'CellRun' });
export type CellRun = z.infer<typeof CellRun>;
