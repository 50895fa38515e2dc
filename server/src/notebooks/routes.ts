import {
  KernelDeath,
  NotebookMemoryRequest,
  NotebookReading,
  POD_TOKEN_HEADER
} from '@aglais/protocol';
import { Router, type Request } from 'express';
import type { Clusters } from '../clusters/clusters.js';
import { requireUserScope } from '../identity/authenticate.js';
import { parseBody } from '../problems.js';
import type { NotebookMemories } from './notebook-memories.js';
import { problems } from './notebook-messages.js';

/** @param memories null where notebooks are not looked after */
export function notebookRoutes(
  clusters: Pick<Clusters, 'reportKernelDeath'>,
  memories: NotebookMemories | null
): Router {
  const router = Router();
  const offered = () => {
    if (memories) return memories;
    throw problems.notOffered();
  };
  // Whose memory it is, the proof alone decides: nobody can name another's pod.
  const proof = (request: Request) => request.get(POD_TOKEN_HEADER) ?? '';

  router.get('/notebook-memory', async (request, response) => {
    response.set('Cache-Control', 'no-store').json(await offered().of(proof(request)));
  });

  router.post('/notebook-memory', async (request, response) => {
    const { memoryMiB } = parseBody(NotebookMemoryRequest, request.body);
    response.json(await offered().raise(proof(request), memoryMiB));
  });

  router.put('/notebook-memory/reading', requireUserScope, async (request, response) => {
    await offered().note(proof(request), parseBody(NotebookReading, request.body));
    response.status(204).end();
  });

  router.post(
    '/jupyter-servers/:server/kernel-deaths',
    requireUserScope,
    async (request, response) => {
      await clusters.reportKernelDeath(parseBody(KernelDeath, request.body));
      response.status(204).end();
    }
  );

  return router;
}
