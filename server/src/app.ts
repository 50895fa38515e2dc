import type { IncomingMessage, ServerResponse } from 'node:http';
import { openApiDocument } from '@aglais/protocol';
import express, { Router, type Express } from 'express';
import type { Logger } from 'pino';
import { pinoHttp } from 'pino-http';
import type { Registry } from 'prom-client';
import type { Clusters } from './clusters/clusters.js';
import { clusterRoutes } from './clusters/routes.js';
import { healthRoutes, type Health } from './health.js';
import { authenticate } from './identity/authenticate.js';
import type { Tokens } from './identity/tokens.js';
import type { NotebookMemories } from './notebooks/notebook-memories.js';
import { notebookRoutes } from './notebooks/routes.js';
import {
  problemHandler,
  refuseOtherBodies,
  refuseOtherMethods,
  unavailable,
  unknownRoute
} from './problems.js';
import { serveOperation } from './routing.js';
import type { DeclaredShare } from './shares/declarations.js';
import { shareRoutes } from './shares/routes.js';
import { streamRoutes } from './stream/socket.js';

export const VERSION = '0.1.0';

/** Dependencies of the API's routes. */
export interface Services {
  clusters: Clusters;
  /** Null where Aglais does not manage the memory of notebooks. */
  notebooks: NotebookMemories | null;
  shares: () => Promise<DeclaredShare[]>;
}

export interface AppParts {
  health: Health;
  tokens: Tokens;
  metrics: Registry;
  log: Logger;
  /** Resolved once; until then the API answers 503. */
  services: Promise<Services>;
}

/** The HTTP side: health and metrics for operators, everything else under /api/v1 with a bearer token. */
export function makeApp(parts: AppParts): Express {
  const { health, tokens, metrics, log } = parts;
  const app = express();
  app.disable('x-powered-by');
  app.use(
    pinoHttp({
      logger: log,
      // Tokens are in headers: neither headers nor bodies are logged.
      serializers: {
        req: (request: IncomingMessage) => ({ method: request.method, url: request.url }),
        res: (response: ServerResponse) => ({ status: response.statusCode })
      },
      customLogLevel: (_request, response, error) =>
        // Probes get 503 while the server starts.
        error || (response.statusCode >= 500 && response.statusCode !== 503) ? 'error' : 'debug'
    })
  );
  const operators = healthRoutes(health);
  operators.get('/metrics', authenticate(tokens), async (_request, response) => {
    response.type(metrics.contentType).send(await metrics.metrics());
  });
  refuseOtherMethods(operators);
  app.use(operators);
  app.use('/api/v1', apiRoutes(parts));
  app.use(unknownRoute);
  app.use(problemHandler(log));
  return app;
}

function apiRoutes({ health, tokens, services }: AppParts): Router {
  const api = Router();
  api.use(openRoutes());
  api.use(authenticate(tokens));
  // Only JSON is accepted: a form on another web page cannot send it without the browser's preflight request.
  api.use(express.json({ limit: '2mb' }));
  api.use(refuseOtherBodies);
  let opened: Router | null = null;
  services.then(
    found => (opened = routesOf(found)),
    // The caller of `open` handles errors; the API stays unavailable.
    () => undefined
  );
  api.use((request, response, next) => {
    if (!opened) throw unavailable(health.unavailable ?? 'starting');
    opened(request, response, next);
  });
  return api;
}

/** Routes without authentication. */
function openRoutes(): Router {
  const router = Router();
  serveOperation(router, 'GET /openapi.json', (_input, response) => {
    response.json(openApiDocument(VERSION));
  });
  refuseOtherMethods(router);
  return router;
}

function routesOf({ clusters, notebooks, shares }: Services): Router {
  const all = Router();
  const parts = [
    clusterRoutes(clusters, notebooks),
    notebookRoutes(clusters, notebooks),
    shareRoutes(shares),
    streamRoutes()
  ];
  for (const part of parts) {
    refuseOtherMethods(part);
    all.use(part);
  }
  return all;
}
