import type { IncomingMessage, ServerResponse } from 'node:http';
import { openApiDocument } from '@aglais/protocol';
import express, { type Express } from 'express';
import type { Logger } from 'pino';
import { pinoHttp } from 'pino-http';
import type { Registry } from 'prom-client';
import type { Clusters } from './clusters/clusters.js';
import { clusterRoutes } from './clusters/routes.js';
import { authenticate } from './identity/authenticate.js';
import type { Tokens } from './identity/tokens.js';
import { problemHandler, refuseOtherBodies, unknownRoute } from './problems.js';
import type { NotebookMemories } from './notebooks/notebook-memories.js';
import { notebookRoutes } from './notebooks/routes.js';
import type { DeclaredShare } from './shares/declarations.js';
import { shareStatus } from './shares/declarations.js';

export const VERSION = '0.1.0';

export interface AppParts {
  clusters: Clusters;
  /** Null where pods of notebooks are not looked after. */
  notebooks: NotebookMemories | null;
  shares: () => Promise<DeclaredShare[]>;
  tokens: Tokens;
  metrics: Registry;
  log: Logger;
}

/** The HTTP side: health and metrics for operators, everything else under /api/v1 with a bearer token. */
export function makeApp(parts: AppParts): Express {
  const { clusters, notebooks, shares, tokens, metrics, log } = parts;
  const app = express();
  app.disable('x-powered-by');
  app.use(
    pinoHttp({
      logger: log,
      // Tokens are in headers: neither these nor bodies are logged.
      serializers: {
        req: (request: IncomingMessage) => ({ method: request.method, url: request.url }),
        res: (response: ServerResponse) => ({ status: response.statusCode })
      },
      customLogLevel: (_request, response, error) =>
        error || response.statusCode >= 500 ? 'error' : 'debug'
    })
  );

  app.get('/healthz', (_request, response) => {
    response.json({ status: 'ok', version: VERSION });
  });

  const api = express.Router();
  api.get('/openapi.json', (_request, response) => {
    response.json(openApiDocument(VERSION));
  });
  api.use(authenticate(tokens));
  // Only JSON is taken: a form on a strange web page cannot send it without being asked by the browser first.
  api.use(express.json({ limit: '2mb' }));
  api.use(refuseOtherBodies);
  api.use(clusterRoutes(clusters, notebooks));
  api.use(notebookRoutes(clusters, notebooks));
  api.get('/shares', async (_request, response) => {
    const declared = await shares();
    response.json({ shares: declared.map(shareStatus).filter(status => status !== null) });
  });

  app.get('/metrics', authenticate(tokens), async (_request, response) => {
    response.type(metrics.contentType).send(await metrics.metrics());
  });
  app.use('/api/v1', api);
  app.use(unknownRoute);
  app.use(problemHandler(log));
  return app;
}
