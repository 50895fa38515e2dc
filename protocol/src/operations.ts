import { z } from 'zod';
import {
  CapacityReport,
  CellRunReport,
  Cluster,
  ClusterRequest,
  Endpoint,
  KernelReport,
  LongPoll,
  ResizeAnswer,
  ResizeRequest,
  RestartRequest
} from './cluster.js';
import {
  KernelDeath,
  NotebookMemory,
  NotebookMemoryRequest,
  NotebookReading,
  POD_TOKEN_HEADER
} from './notebook.js';
import { ShareStatus } from './share.js';
import { LocatedFinding } from './stream.js';
import { Text } from './text.js';

/** One method of one path: its parameters and its successful response. */
export interface Operation {
  summary: string;
  params?: z.ZodObject;
  /** Other parameters are ignored: clients add some to bypass caches. */
  query?: z.ZodObject;
  headers?: z.ZodObject;
  body?: z.ZodType;
  /** By status; null: without a body. */
  responses: Record<string, { description: string; schema: z.ZodType | null }>;
  /** Needs no token. */
  isPublic?: true;
}

const answer = (description: string, schema: z.ZodType | null = null) => ({ description, schema });

const cluster = z.object({
  id: z
    .string()
    .regex(/^[a-z0-9]{1,64}$/)
    .describe('Id of the cluster')
});
const finding = cluster.extend({ finding: Text(500, 1).describe('Id of the finding') });
const jupyterServer = z.object({ server: Text(200, 1).describe('Id of the Jupyter Server') });

const PodToken = Text(8_192).describe(
  "A token of the pod's service account, bound to the pod, for the audience `aglais`; without one the answer is 403"
);
const podToken = z.object({ [POD_TOKEN_HEADER]: PodToken.optional() });

/**
 * All operations of the API, by method and path below `/api/v1`. The server's routes and the OpenAPI document are both
 * created from this table.
 */
export const operations = {
  'GET /openapi.json': {
    summary: 'This document',
    responses: { '200': answer('The OpenAPI document', z.looseObject({})) },
    isPublic: true
  },
  'GET /clusters': {
    summary: 'All clusters: live ones and the latest ended ones',
    responses: { '200': answer('The clusters', z.strictObject({ clusters: z.array(Cluster) })) }
  },
  'POST /clusters': {
    summary: 'The cluster of a kernel: its present one, or a new one',
    body: ClusterRequest,
    responses: {
      '200': answer('The kernel has this one', Cluster),
      '201': answer('A new one is starting', Cluster)
    }
  },
  'GET /clusters/{id}': {
    summary: 'One cluster; with afterRevision and waitMs as soon as it is newer',
    params: cluster,
    query: LongPoll,
    responses: { '200': answer('The cluster', Cluster) }
  },
  'DELETE /clusters/{id}': {
    summary: 'Stop a cluster',
    params: cluster,
    responses: { '202': answer('It is stopping, or has stopped', Cluster) }
  },
  'GET /clusters/{id}/endpoint': {
    summary: 'How the kernel connects to its cluster (not for browsers)',
    params: cluster,
    responses: { '200': answer('Address and token', Endpoint) }
  },
  'POST /clusters/{id}/restart': {
    summary: 'Replace a cluster with a new one for the same kernel, of another shape if given',
    params: cluster,
    body: RestartRequest,
    responses: { '201': answer('The new cluster', Cluster) }
  },
  'POST /clusters/{id}/resize': {
    summary:
      'Resize a running cluster in place, without a restart; refused where that is impossible',
    params: cluster,
    body: ResizeRequest,
    responses: { '200': answer('The cluster; the new size is in force', ResizeAnswer) }
  },
  'POST /clusters/{id}/cell-runs': {
    summary: 'A kernel reports that a cell which uses Spark began or ended',
    params: cluster,
    body: CellRunReport,
    responses: { '204': answer('Recorded') }
  },
  'POST /clusters/{id}/findings/{finding}/dismiss': {
    summary: 'Hide a finding',
    params: finding,
    responses: { '204': answer('Dismissed') }
  },
  'PUT /jupyter-servers/{server}/kernels': {
    summary: 'A Jupyter Server reports its kernels; clusters of those that ended are stopped',
    params: jupyterServer,
    headers: podToken,
    body: KernelReport,
    responses: { '204': answer('Recorded') }
  },
  'POST /jupyter-servers/{server}/kernel-deaths': {
    summary: 'A Jupyter Server reports that a kernel died unexpectedly (not for browsers)',
    params: jupyterServer,
    body: KernelDeath,
    responses: { '204': answer('Recorded') }
  },
  'GET /notebook-memory': {
    summary: 'Memory of the calling pod: its limit, its usage, its maximum',
    headers: podToken,
    responses: { '200': answer('Its memory', NotebookMemory) }
  },
  'POST /notebook-memory': {
    summary: 'Raise the memory limit of the calling pod, without a restart',
    headers: podToken,
    body: NotebookMemoryRequest,
    responses: { '200': answer('Its memory; the new limit is in force', NotebookMemory) }
  },
  'PUT /notebook-memory/reading': {
    summary: 'A Jupyter Server reports the memory usage of its pod (not for browsers)',
    headers: podToken,
    body: NotebookReading,
    responses: { '204': answer('Recorded') }
  },
  'GET /findings': {
    summary: 'The findings, of all notebooks or of one',
    query: z.object({ notebook: Text(4096).optional() }),
    responses: {
      '200': answer('The findings', z.strictObject({ findings: z.array(LocatedFinding) }))
    }
  },
  'GET /capacity': {
    summary: 'Memory for clusters: in all, and which cluster holds how much',
    responses: { '200': answer('The capacity', CapacityReport) }
  },
  'GET /shares': {
    summary: 'The catalogues, and whether they can be read now',
    responses: { '200': answer('The shares', z.strictObject({ shares: z.array(ShareStatus) })) }
  },
  'GET /stream': {
    summary: 'A WebSocket of all changes after a cursor; each text frame is a StreamMessage',
    query: z.object({ cursor: Text(100).optional() }),
    responses: { '101': answer('The stream') }
  }
} satisfies Record<`${'GET' | 'POST' | 'PUT' | 'DELETE'} /${string}`, Operation>;

export type OperationName = keyof typeof operations;

type Output<K extends OperationName, P extends string> = (typeof operations)[K] extends {
  [key in P]: infer S extends z.ZodType;
}
  ? z.output<S>
  : undefined;

/** The validated content of a request. */
export interface OperationInput<K extends OperationName> {
  params: Output<K, 'params'>;
  query: Output<K, 'query'>;
  body: Output<K, 'body'>;
}
