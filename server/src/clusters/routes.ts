import {
  CellRunReport,
  ClusterRequest,
  JupyterServerPath,
  KernelReport,
  LongPoll,
  POD_TOKEN_HEADER,
  ResizeRequest,
  RestartRequest
} from '@aglais/protocol';
import { Router } from 'express';
import { requireUserScope } from '../identity/authenticate.js';
import type { NotebookMemories } from '../notebooks/notebook-memories.js';
import { parseBody } from '../problems.js';
import type { Clusters } from './clusters.js';

/** @param notebooks what is known of the pods of Jupyter Servers; null where they are not looked after */
export function clusterRoutes(
  clusters: Clusters,
  notebooks: Pick<NotebookMemories, 'killedLately'> | null
): Router {
  const router = Router();

  router.post('/clusters', async (request, response) => {
    const { cluster, created } = await clusters.request(parseBody(ClusterRequest, request.body));
    response.status(created ? 201 : 200).json(cluster);
  });

  router.get('/clusters', (_request, response) => {
    response.json({ clusters: clusters.list() });
  });

  router.get('/clusters/:id', async (request, response) => {
    const { afterRevision, waitMs } = parseBody(LongPoll, request.query);
    response.json(await clusters.newerThan(request.params.id, afterRevision, waitMs));
  });

  router.get('/clusters/:id/endpoint', requireUserScope, async (request, response) => {
    const endpoint = await clusters.endpoint(String(request.params.id));
    response.set('Cache-Control', 'no-store').json(endpoint);
  });

  router.delete('/clusters/:id', async (request, response) => {
    response.status(202).json(await clusters.stop(request.params.id));
  });

  router.post('/clusters/:id/restart', async (request, response) => {
    const wanted = parseBody(RestartRequest, request.body ?? {});
    response.status(201).json(await clusters.restart(request.params.id, wanted));
  });

  router.post('/clusters/:id/resize', async (request, response) => {
    const { shape } = parseBody(ResizeRequest, request.body);
    response.json(await clusters.resize(request.params.id, shape));
  });

  router.post('/clusters/:id/cell-runs', async (request, response) => {
    await clusters.reportCellRun(request.params.id, parseBody(CellRunReport, request.body));
    response.status(204).end();
  });

  router.post('/clusters/:id/findings/:finding/dismiss', async (request, response) => {
    await clusters.dismiss(request.params.id, request.params.finding);
    response.status(204).end();
  });

  router.put('/jupyter-servers/:server/kernels', async (request, response) => {
    const { server } = parseBody(JupyterServerPath, request.params);
    const report = parseBody(KernelReport, request.body);
    const token = request.get(POD_TOKEN_HEADER);
    await clusters.reportKernels(
      server,
      report,
      notebooks && token ? () => notebooks.killedLately(token) : undefined
    );
    response.status(204).end();
  });

  router.get('/findings', (request, response) => {
    const notebook = request.query.notebook;
    const findings = clusters.findings(typeof notebook === 'string' ? notebook : null);
    response.json({ findings });
  });

  router.get('/capacity', async (_request, response) => {
    response.json(await clusters.capacity());
  });

  return router;
}
