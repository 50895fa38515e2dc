import { POD_TOKEN_HEADER } from '@aglais/protocol';
import { Router } from 'express';
import { requireUserScope } from '../identity/authenticate.js';
import type { NotebookMemories } from '../notebooks/notebook-memories.js';
import { serveOperation } from '../routing.js';
import type { Clusters } from './clusters.js';

/** @param notebooks the pods of Jupyter Servers; null where Aglais does not manage their memory */
export function clusterRoutes(
  clusters: Clusters,
  notebooks: Pick<NotebookMemories, 'killedLately'> | null
): Router {
  const router = Router();

  serveOperation(router, 'POST /clusters', async ({ body }, response) => {
    const { cluster, created } = await clusters.request(body);
    response.status(created ? 201 : 200).json(cluster);
  });

  serveOperation(router, 'GET /clusters', (_input, response) => {
    response.json({ clusters: clusters.list() });
  });

  serveOperation(router, 'GET /clusters/{id}', async ({ params, query }, response) => {
    const { afterRevision, waitMs } = query;
    response.json(await clusters.newerThan(params.id, afterRevision, waitMs));
  });

  serveOperation(
    router,
    'GET /clusters/{id}/endpoint',
    async ({ params }, response) => {
      const endpoint = await clusters.endpoint(params.id);
      response.set('Cache-Control', 'no-store').json(endpoint);
    },
    requireUserScope
  );

  serveOperation(router, 'DELETE /clusters/{id}', async ({ params }, response) => {
    response.status(202).json(await clusters.stop(params.id));
  });

  serveOperation(router, 'POST /clusters/{id}/restart', async ({ params, body }, response) => {
    response.status(201).json(await clusters.restart(params.id, body));
  });

  serveOperation(router, 'POST /clusters/{id}/resize', async ({ params, body }, response) => {
    response.json(await clusters.resize(params.id, body.shape));
  });

  serveOperation(router, 'POST /clusters/{id}/cell-runs', async ({ params, body }, response) => {
    await clusters.reportCellRun(params.id, body);
    response.status(204).end();
  });

  serveOperation(
    router,
    'POST /clusters/{id}/findings/{finding}/dismiss',
    async ({ params }, response) => {
      await clusters.dismiss(params.id, params.finding);
      response.status(204).end();
    }
  );

  serveOperation(
    router,
    'PUT /jupyter-servers/{server}/kernels',
    async ({ params, body }, response, request) => {
      const token = request.get(POD_TOKEN_HEADER);
      await clusters.reportKernels(
        params.server,
        body,
        notebooks && token ? () => notebooks.killedLately(token) : undefined
      );
      response.status(204).end();
    }
  );

  serveOperation(router, 'GET /findings', ({ query }, response) => {
    response.json({ findings: clusters.findings(query.notebook ?? null) });
  });

  serveOperation(router, 'GET /capacity', async (_input, response) => {
    response.json(await clusters.capacity());
  });

  return router;
}
