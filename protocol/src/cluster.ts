import { z } from 'zod';
import { LauncherKind } from './launcher-kind.js';
import { StageProgress } from './progress.js';
import { ResizeInPlace } from './resize-in-place.js';
import { CachedTable, Executor, Memory, MemoryLine } from './resources.js';
import { Shape } from './shape.js';
import { Count, Text, Time } from './text.js';

export const ClusterState = z
  .enum(['requested', 'starting', 'ready', 'stopping', 'stopped', 'failed'])
  .meta({ id: 'ClusterState' });
export type ClusterState = z.infer<typeof ClusterState>;

/** States in which a cluster uses memory or soon will. */
export const LIVE_STATES: readonly ClusterState[] = ['requested', 'starting', 'ready', 'stopping'];

/** What the operator offers in addition to the shape, by name: a GPU per executor, a fast disk, a node pool. */
export const ClusterOption = z
  .strictObject({
    name: z.string().describe('What requests call it'),
    title: z.string().describe('For people, a few words'),
    description: z.string().describe('For people, a sentence; may be empty')
  })
  .meta({ id: 'ClusterOption' });
export type ClusterOption = z.infer<typeof ClusterOption>;

const OptionNames = z.array(Text(100, 1)).max(50);

/** The Spark application of one notebook, as the server knows it now. */
export const Cluster = z
  .strictObject({
    id: z.string(),
    kernel: z.string().describe('Id of the kernel it belongs to; of a spare, a name of its own'),
    notebook: z.string().describe("Path of the notebook in Jupyter's root"),
    jupyterServer: z
      .string()
      .nullable()
      .describe('Id of the Jupyter Server that has the kernel; null until it reports the kernel'),
    launcher: LauncherKind,
    spare: z.boolean().describe('It was started in advance and belongs to nobody yet'),
    resizeInPlace: ResizeInPlace,
    shape: Shape,
    options: OptionNames.describe('What it was given beyond its size, by the names of options'),
    state: ClusterState,
    reason: z
      .string()
      .nullable()
      .describe('Why it is in this state, for people: what happened, what was lost, what to do'),
    waitingFor: z
      .string()
      .nullable()
      .describe(
        'While it starts, what it waits for, e.g. "executors 1 of 2"; later, why executors do not come'
      ),
    createdAt: z.number().int(),
    readyAt: z.number().int().nullable(),
    stoppedAt: z.number().int().nullable(),
    lastUsedAt: z.number().int(),
    idleStopAt: z.number().int().nullable().describe('When it will be stopped if nothing uses it'),
    sparkVersion: z.string().nullable(),
    application: z.string().nullable().describe("Spark's application id"),
    driver: z.strictObject({ memory: Memory }),
    executors: z.array(Executor).describe('Active ones, and the latest lost ones'),
    stages: z.array(StageProgress).describe('Running stages'),
    tables: z.array(CachedTable).describe('Tables that are marked to be cached, the largest first'),
    memory: z.array(MemoryLine).describe('Of the driver and the active executors'),
    shareProblems: z
      .array(z.string())
      .describe('Tables of the shares that this cluster could not make known, and why'),
    warnings: z
      .array(z.string())
      .describe(
        'What the server could not do for this cluster, for people, e.g. save its findings'
      ),
    revision: z.number().int().describe('Grows with every change')
  })
  .meta({ id: 'Cluster' });
export type Cluster = z.infer<typeof Cluster>;

/** How a kernel connects to its cluster. Never sent to a browser. */
export const Endpoint = z
  .strictObject({
    url: z.string().describe('sc://localhost:PORT, or sc://HOST:PORT where there is a ca'),
    token: z.string(),
    ca: z
      .string()
      .nullable()
      .describe(
        'PEM: the connection is encrypted, and the driver shows a certificate of this authority for the name "aglais"'
      ),
    runOffset: z.number().int().describe('What a new kernel process adds to its execution counts')
  })
  .meta({ id: 'Endpoint' });
export type Endpoint = z.infer<typeof Endpoint>;

export const ClusterRequest = z
  .strictObject({
    kernel: Text(200, 1),
    notebook: Text(4096),
    shape: Shape.optional().describe('Default: the shape of the installation'),
    options: OptionNames.optional().describe(
      "Names of options that the capacity offers. Default: those of the kernel's last cluster"
    )
  })
  .meta({ id: 'ClusterRequest' });
export type ClusterRequest = z.infer<typeof ClusterRequest>;

export const RestartRequest = z
  .strictObject({
    shape: Shape.optional(),
    options: OptionNames.optional().describe('Default: those that it has')
  })
  .meta({ id: 'RestartRequest' });
export type RestartRequest = z.infer<typeof RestartRequest>;

export const ResizeRequest = z.strictObject({ shape: Shape }).meta({ id: 'ResizeRequest' });
export type ResizeRequest = z.infer<typeof ResizeRequest>;

export const ResizeAnswer = Cluster.extend({
  lost: z.string().nullable().describe('What the new size has cost, for people, e.g. cached data')
}).meta({ id: 'ResizeAnswer', description: 'The cluster, with its new size in force' });
export type ResizeAnswer = z.infer<typeof ResizeAnswer>;

export const CellRunReport = z
  .strictObject({
    cell: Text(200, 1),
    run: Count.describe('Its execution count, and what makes it unique (runOffset)'),
    outcome: z.enum(['running', 'ok', 'error', 'cancelled']),
    at: Time.describe('When, ms since the epoch'),
    error: z.strictObject({ name: Text(500), message: Text(100_000) }).optional()
  })
  .meta({ id: 'CellRunReport' });
export type CellRunReport = z.infer<typeof CellRunReport>;

/** The current kernels of a Jupyter Server; clusters of its other kernels are stopped. */
export const KernelReport = z
  .strictObject({
    kernels: z.array(z.strictObject({ id: Text(200, 1), notebook: Text(4096) })).max(10_000)
  })
  .meta({ id: 'KernelReport' });
export type KernelReport = z.infer<typeof KernelReport>;

/** The path for reports of a Jupyter Server. */

/** The free capacity for clusters. */
export const CapacityReport = z
  .strictObject({
    totalMiB: z.number().int().describe('Memory that all clusters together may be granted'),
    grantedMiB: z.number().int().describe('Memory of clusters that belong to somebody'),
    spareMiB: z.number().int().describe('Memory of spares; they are stopped when a user needs it'),
    holders: z.array(
      z.strictObject({ cluster: z.string(), notebook: z.string(), grantedMiB: z.number().int() })
    ),
    defaultShape: Shape,
    largestShape: Shape.describe('The largest that an empty machine can hold'),
    options: z.array(ClusterOption).describe('What can be asked for beyond a size'),
    problems: z
      .array(z.string())
      .describe('What is not known of the capacity, and what would help, for people')
  })
  .meta({ id: 'CapacityReport' });
export type CapacityReport = z.infer<typeof CapacityReport>;

/** An integer in a query: only digits, not everything that JavaScript converts to a number. */
const QueryInteger = (max: number) =>
  z
    .string()
    .regex(/^\d{1,16}$/, 'must be an integer from 0 on')
    .transform(Number)
    .pipe(z.number().int().max(max))
    .default(0)
    .meta({
      override: ({ jsonSchema }) => {
        delete jsonSchema.pattern;
        Object.assign(jsonSchema, { type: 'integer', minimum: 0, maximum: max });
      }
    });

/** Query of a long-polling request: waits until a cluster is newer than the client's revision. */
export const LongPoll = z
  .object({
    afterRevision: QueryInteger(Number.MAX_SAFE_INTEGER),
    waitMs: QueryInteger(30_000)
  })
  .meta({ id: 'LongPoll' });
export type LongPoll = z.infer<typeof LongPoll>;
