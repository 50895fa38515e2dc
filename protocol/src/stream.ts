import { z } from 'zod';
import { Cluster } from './cluster.js';
import { Finding } from './finding.js';
import { CellRun } from './progress.js';

/** A finding with its cluster, and the kernel and notebook of that cluster. */
export const LocatedFinding = z
  .strictObject({
    cluster: z.string(),
    kernel: z.string(),
    notebook: z.string(),
    dismissed: z.boolean(),
    finding: Finding
  })
  .meta({ id: 'LocatedFinding' });
export type LocatedFinding = z.infer<typeof LocatedFinding>;

const cursor = z.string().describe('Pass it as ?cursor= to resume from here');

/**
 * What the server sends over the WebSocket `/api/v1/stream?cursor=…`.
 * The first message is a `snapshot` (the whole state), or `resumed` if the cursor is still known;
 * each later message replaces one part of the state.
 */
export const StreamMessage = z
  .discriminatedUnion('type', [
    z.strictObject({
      type: z.literal('snapshot'),
      cursor,
      clusters: z.array(Cluster),
      cellRuns: z.array(CellRun).describe('The latest run of each cell in each kernel'),
      findings: z.array(LocatedFinding)
    }),
    z.strictObject({ type: z.literal('resumed'), cursor }),
    z.strictObject({ type: z.literal('cluster'), cursor, cluster: Cluster }),
    z.strictObject({ type: z.literal('cell-run'), cursor, cellRun: CellRun }),
    z.strictObject({ type: z.literal('finding'), cursor, finding: LocatedFinding }),
    z.strictObject({
      type: z.literal('finding-withdrawn'),
      cursor,
      cluster: z.string(),
      id: z.string()
    }),
    z
      .strictObject({ type: z.literal('cluster-forgotten'), cursor, cluster: z.string() })
      .describe('The retention policy removed an ended cluster, with its findings and cell runs')
  ])
  .meta({ id: 'StreamMessage' });
export type StreamMessage = z.infer<typeof StreamMessage>;
