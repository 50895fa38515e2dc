import { POD_TOKEN_HEADER } from '@aglais/protocol';
import { Router, type Request } from 'express';
import type { Clusters } from '../clusters/clusters.js';
import { requireUserScope } from '../identity/authenticate.js';
import { serveOperation } from '../routing.js';
import type { NotebookMemories } from './notebook-memories.js';
import { problems } from './notebook-messages.js';

/** @param memories null where Aglais does not manage the memory of notebooks */
export function notebookRoutes(
  clusters: Pick<Clusters, 'reportKernelDeath'>,
  memories: NotebookMemories | null
): Router {
  const router = Router();
  const offered = () => {
    if (memories) return memories;
    throw problems.notOffered();
  };
  // The token alone identifies the pod: a client cannot name another one.
  const tokenOf = (request: Request) => request.get(POD_TOKEN_HEADER) ?? '';

  serveOperation(router, 'GET /notebook-memory', async (_input, response, request) => {
    response.set('Cache-Control', 'no-store').json(await offered().of(tokenOf(request)));
  });

  serveOperation(router, 'POST /notebook-memory', async ({ body }, response, request) => {
    response.json(await offered().raise(tokenOf(request), body.memoryMiB));
  });

  serveOperation(
    router,
    'PUT /notebook-memory/reading',
    async ({ body }, response, request) => {
      await offered().note(tokenOf(request), body);
      response.status(204).end();
    },
    requireUserScope
  );

  serveOperation(
    router,
    'POST /jupyter-servers/{server}/kernel-deaths',
    async ({ body }, response) => {
      await clusters.reportKernelDeath(body);
      response.status(204).end();
    },
    requireUserScope
  );

  return router;
}
