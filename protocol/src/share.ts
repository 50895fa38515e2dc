import { z } from 'zod';

const Identifier = z
  .string()
  .regex(/^[a-z][a-z0-9_]*$/, 'lower-case letters, digits and _, beginning with a letter');

const Column = z.strictObject({
  name: z.string(),
  type: z.string().optional().describe("Spark's SQL type"),
  unit: z.string().optional(),
  description: z.string().optional()
});

export const ShareTable = z
  .strictObject({
    name: Identifier,
    path: z.string().describe('Relative to the path of the share'),
    format: z.literal('parquet'),
    description: z.string(),
    rows: z.number().int().optional(),
    bucketing: z
      .strictObject({
        columns: z.array(z.string()).min(1),
        buckets: z.number().int().min(1),
        sortedBy: z.array(z.string()).default([])
      })
      .optional(),
    partitionedBy: z.array(z.string()).default([]),
    columns: z.array(Column).default([]),
    checksums: z
      .record(z.string(), z.string().regex(/^[0-9a-f]{64}$/))
      .default({})
      .describe('SHA-256 of each file, by its path relative to the table')
  })
  .meta({ id: 'ShareTable' });
export type ShareTable = z.infer<typeof ShareTable>;

/** A catalogue's data mounted read-only: one YAML file in catalogues/. */
export const Share = z
  .strictObject({
    id: Identifier.describe('Also the name of the database in Spark: spark.table("<id>.<table>")'),
    title: z.string(),
    description: z.string(),
    path: z
      .string()
      .describe('Absolute, or relative to this file; ${AGLAIS_DATA} is the data directory'),
    credit: z.string(),
    provenance: z.string(),
    licence: z.string().optional(),
    tables: z.array(ShareTable).min(1)
  })
  .meta({ id: 'Share' });
export type Share = z.infer<typeof Share>;

/** A share as the server sees it: declared, and whether it can be read now. */
export const ShareStatus = Share.extend({
  available: z.boolean(),
  problem: z.string().nullable().describe('Why it is not available, and what to do')
}).meta({ id: 'ShareStatus' });
export type ShareStatus = z.infer<typeof ShareStatus>;
