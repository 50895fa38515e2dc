import { describe, expect, it } from '@jest/globals';
import { openApiDocument } from '@aglais/protocol';
import { clusterRoutes } from '../src/clusters/routes.js';
import { notebookRoutes } from '../src/notebooks/routes.js';

interface Layer {
  route?: { path: string; methods: Record<string, boolean> };
}

/** What the document has that is served elsewhere: shares in app.ts, the WebSocket in socket.ts. */
const ELSEWHERE = ['get /shares', 'get /stream'];

describe('The OpenAPI document', () => {
  const document = openApiDocument('1.2.3');
  const described = Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    Object.keys(item as object).map(method => `${method} ${path}`)
  );

  it('describes every route that is served, and no other', () => {
    const routers = [
      clusterRoutes(undefined as never, null),
      notebookRoutes(undefined as never, null)
    ];
    const layers = (routers as unknown as { stack: Layer[] }[]).flatMap(({ stack }) => stack);
    const served = layers.flatMap(({ route }) =>
      route
        ? Object.keys(route.methods).map(m => `${m} ${route.path.replace(/:(\w+)/g, '{$1}')}`)
        : []
    );
    expect(served.length).toBeGreaterThan(5);
    expect([...served, ...ELSEWHERE].sort()).toEqual(described.sort());
  });

  it('promises problem+json for every failure', () => {
    for (const item of Object.values(document.paths ?? {})) {
      for (const { responses } of Object.values(item as Record<string, { responses: object }>)) {
        expect(responses).toMatchObject({
          '4XX': { content: { 'application/problem+json': expect.anything() } },
          '5XX': { content: { 'application/problem+json': expect.anything() } }
        });
      }
    }
  });
});
