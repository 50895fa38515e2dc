import { z } from 'zod';
import { Finding } from './finding.js';
import { Resources } from './resources.js';

/** A piece of evidence that could not be read; everything else was read. */
export const ReadingProblem = z
  .strictObject({
    file: z.string(),
    line: z.number().int().min(0).describe('From 1; 0 if it is about the file itself'),
    message: z.string()
  })
  .meta({ id: 'ReadingProblem' });
export type ReadingProblem = z.infer<typeof ReadingProblem>;

/** A path that could not be read. */
export const Unread = z
  .strictObject({ path: z.string(), message: z.string() })
  .meta({ id: 'Unread' });
export type Unread = z.infer<typeof Unread>;

/** What is known of one Spark application. */
export const ApplicationReport = z
  .strictObject({
    id: z
      .string()
      .nullable()
      .describe("Spark's application id; null if the log does not contain it"),
    name: z.string(),
    sparkVersion: z.string().nullable(),
    complete: z.boolean().describe('Whether the log contains the end of the application'),
    startedAt: z.number().int().nullable().describe('ms since the epoch'),
    endedAt: z
      .number()
      .int()
      .nullable()
      .describe('ms since the epoch; for an incomplete log the latest time in it'),
    files: z
      .array(z.string())
      .describe('Input files: the parts of the event log, then other evidence'),
    problems: z.array(ReadingProblem).describe('The first 100'),
    problemCount: z.number().int().min(0).describe('Total number of problems'),
    findings: z.array(Finding).describe('Most severe first'),
    resources: Resources
  })
  .meta({ id: 'ApplicationReport' });
export type ApplicationReport = z.infer<typeof ApplicationReport>;

/** What `aglais diagnose --format json` writes. */
export const Report = z
  .strictObject({
    version: z.literal(1).describe('Version of this schema; it changes with incompatible changes'),
    applications: z.array(ApplicationReport),
    unread: z.array(Unread)
  })
  .meta({
    id: 'Report',
    title: 'Report of aglais diagnose',
    description: 'Findings about Spark applications, from their event logs and other evidence'
  });
export type Report = z.infer<typeof Report>;

/** The report as JSON Schema (draft 2020-12), for those who do not use zod. */
export function reportJsonSchema(): object {
  return z.toJSONSchema(Report);
}
