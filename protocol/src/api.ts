import { z } from 'zod';
import { createDocument, type ZodOpenApiOperationObject } from 'zod-openapi';
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
import { Problem } from './problem.js';
import { ShareStatus } from './share.js';
import { LocatedFinding, StreamMessage } from './stream.js';

const json = (schema: z.ZodType) => ({ 'application/json': { schema } });
const answer = (description: string, schema?: z.ZodType) => ({
  description,
  ...(schema && { content: json(schema) })
});
const problem = {
  description: 'What happened, what was kept, what to do next (RFC 9457)',
  content: { 'application/problem+json': { schema: Problem } }
};
const failures = { '4XX': problem, '5XX': problem } as const;
const id = z.object({ id: z.string().describe('Id of the cluster') });
const proof = {
  header: z.object({
    [POD_TOKEN_HEADER]: z
      .string()
      .describe("A token of the pod's service account, bound to the pod, for the audience `aglais`")
  })
};

function operation(
  summary: string,
  responses: ZodOpenApiOperationObject['responses'],
  rest: Partial<ZodOpenApiOperationObject> = {}
): ZodOpenApiOperationObject {
  return { summary, ...rest, responses: { ...responses, ...failures } };
}

/** The API as an OpenAPI 3.1 document, from the schemas that also check every request. */
export function openApiDocument(version: string): ReturnType<typeof createDocument> {
  return createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Aglais',
      version,
      description: 'A Spark cluster for every notebook, and what happens to it.'
    },
    servers: [{ url: '/api/v1' }],
    security: [{ bearer: [] }],
    components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
    paths: {
      '/clusters': {
        get: operation('All clusters: live ones and the latest ended ones', {
          '200': answer('The clusters', z.object({ clusters: z.array(Cluster) }))
        }),
        post: operation(
          'The cluster of a kernel: the one it has, or a new one',
          { '200': answer('It had one', Cluster), '201': answer('A new one starts', Cluster) },
          { requestBody: { content: json(ClusterRequest) } }
        )
      },
      '/clusters/{id}': {
        get: operation(
          'One cluster; with afterRevision and waitMs as soon as it is newer',
          { '200': answer('The cluster', Cluster) },
          { requestParams: { path: id, query: LongPoll } }
        ),
        delete: operation(
          'Stop a cluster',
          { '202': answer('It stops, or has stopped', Cluster) },
          { requestParams: { path: id } }
        )
      },
      '/clusters/{id}/endpoint': {
        get: operation(
          'How the kernel reaches its cluster (not for browsers)',
          { '200': answer('Address and token', Endpoint) },
          { requestParams: { path: id } }
        )
      },
      '/clusters/{id}/restart': {
        post: operation(
          'Replace a cluster by a new one for the same kernel, of another shape if given',
          { '201': answer('The new cluster', Cluster) },
          { requestParams: { path: id }, requestBody: { content: json(RestartRequest) } }
        )
      },
      '/clusters/{id}/resize': {
        post: operation(
          'Give a running cluster another size without restarting anything; refused where that cannot be done',
          { '200': answer('The cluster; the new size is in force', ResizeAnswer) },
          { requestParams: { path: id }, requestBody: { content: json(ResizeRequest) } }
        )
      },
      '/clusters/{id}/cell-runs': {
        post: operation(
          'A kernel says that a cell which uses Spark began or ended',
          { '204': answer('Noted') },
          { requestParams: { path: id }, requestBody: { content: json(CellRunReport) } }
        )
      },
      '/clusters/{id}/findings/{finding}/dismiss': {
        post: operation(
          'Do not show a finding any more',
          { '204': answer('Dismissed') },
          { requestParams: { path: id.extend({ finding: z.string() }) } }
        )
      },
      '/jupyter-servers/{server}/kernels': {
        put: operation(
          'A Jupyter Server says which kernels it has; clusters of those that ended are stopped',
          { '204': answer('Noted') },
          {
            requestParams: { path: z.object({ server: z.string() }) },
            requestBody: { content: json(KernelReport) }
          }
        )
      },
      '/jupyter-servers/{server}/kernel-deaths': {
        post: operation(
          'A Jupyter Server says that a kernel ended which nobody had asked to',
          { '204': answer('Noted') },
          {
            requestParams: { path: z.object({ server: z.string() }) },
            requestBody: { content: json(KernelDeath) }
          }
        )
      },
      '/notebook-memory': {
        get: operation(
          'Memory of the pod that asks: its limit, what it uses, what it may be given',
          { '200': answer('Its memory', NotebookMemory) },
          { requestParams: proof }
        ),
        post: operation(
          'Raise the limit of the pod that asks, without restarting anything',
          { '200': answer('Its memory; the new limit is in force', NotebookMemory) },
          { requestParams: proof, requestBody: { content: json(NotebookMemoryRequest) } }
        )
      },
      '/notebook-memory/reading': {
        put: operation(
          'A Jupyter Server says what its pod uses (not for browsers)',
          { '204': answer('Noted') },
          { requestParams: proof, requestBody: { content: json(NotebookReading) } }
        )
      },
      '/findings': {
        get: operation(
          'What was found',
          { '200': answer('The findings', z.object({ findings: z.array(LocatedFinding) })) },
          { requestParams: { query: z.object({ notebook: z.string().optional() }) } }
        )
      },
      '/capacity': {
        get: operation('What the machine can still hold, and who holds the rest', {
          '200': answer('The capacity', CapacityReport)
        })
      },
      '/shares': {
        get: operation('The catalogues, and whether they can be read now', {
          '200': answer('The shares', z.object({ shares: z.array(ShareStatus) }))
        })
      },
      '/stream': {
        get: operation(
          'A WebSocket of all changes, from a cursor on; each text frame is a StreamMessage',
          { '101': answer('The stream'), '200': answer('The form of each frame', StreamMessage) },
          { requestParams: { query: z.object({ cursor: z.string().optional() }) } }
        )
      }
    }
  });
}
