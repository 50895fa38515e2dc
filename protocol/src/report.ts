import { z } from 'zod';
import { Finding } from './finding.js';
import { Resources } from './resources.js';

/** A piece of evidence that could not be read; everything else was. */
export const ReadingProblem = z
  .strictObject({
    file: z.string(),
    line: z.number().int().min(0).describe('From 1; 0 if it is about the file itself'),
    message: z.string()
  })
  .meta({ id: 'ReadingProblem' });
export type ReadingProblem = z.infer<typeof ReadingProblem>;

/** A path that nothing could be learned from. */
export const Unread = z
  .strictObject({ path: z.string(), message: z.string() })
  .meta({ id: 'Unread' });
export type Unread = z.infer<typeof Unread>;

/** What is known of one Spark application. */
export const ApplicationReport = z
  .strictObject({
    id: z.string().nullable().describe("Spark's application id; null if the log does not say it"),
    name: z.string(),
    sparkVersion: z.string().nullable(),
    complete: z.boolean().describe("Whether the log has the application's end"),
    startedAt: z.number().int().nullable().describe('ms since the epoch'),
    endedAt: z
      .number()
      .int()
      .nullable()
      .describe('ms since the epoch; of an incomplete log the last time that it mentions'),
    files: z
      .array(z.string())
      .describe('What was read: the parts of the event log, then other evidence'),
    problems: z.array(ReadingProblem).describe('The first hundred'),
    problemCount: z.number().int().min(0).describe('How many there were in all'),
    findings: z.array(Finding).describe('The worst first'),
    resources: Resources
  })
  .meta({ id: 'ApplicationReport' });
export type ApplicationReport = z.infer<typeof ApplicationReport>;

/** What `aglais diagnose --format json` writes. */
export const Report = z
  .strictObject({
    version: z.literal(1).describe('Of this schema; it changes when a reader would have to'),
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
