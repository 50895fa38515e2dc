import { createServer, type RequestListener, type Server } from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { apiClient } from '../src/launchers/kubernetes/api/api-client.js';
import {
  ApiError,
  createIfAbsent,
  deleteIfExists,
  isTransient
} from '../src/launchers/kubernetes/api/api-errors.js';
import { callApi } from '../src/launchers/kubernetes/api/api-request.js';
import { listenAsApi } from './support/api-server.js';

describe('Calls of the Kubernetes API', () => {
  let server: Server;
  let kubeConfig: KubeConfig;
  const asked: string[] = [];
  const serve = async (answer: RequestListener) => {
    asked.length = 0;
    server = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      answer(request, response);
    });
    kubeConfig = await listenAsApi(server, 'sesame');
    return apiClient(kubeConfig, CoreV1Api);
  };
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise(resolve => server.close(resolve));
  });
  const status = (code: number, reason: string, message: string) =>
    JSON.stringify({ kind: 'Status', code, reason, message });
  const errorOf = (call: Promise<unknown>) =>
    call.then(
      () => null,
      (error: unknown) => error as ApiError
    );
  const ask = (withinMs: number) =>
    callApi(kubeConfig, {
      method: 'GET',
      url: new URL(`${kubeConfig.getCurrentCluster()!.server}/api`),
      withinMs
    });

  it('are authenticated, and return typed objects', async () => {
    const core = await serve((request, response) => {
      expect(request.headers.authorization).toBe('Bearer sesame');
      let body = '';
      request.on('data', chunk => (body += String(chunk)));
      request.on('end', () => {
        response.writeHead(201, { 'Content-Type': 'application/json' }).end(body);
      });
    });
    const body = { metadata: { name: 'é', creationTimestamp: new Date(5_000) } };
    const made = await core.createNamespace({ body });
    expect(made.metadata).toMatchObject({ name: 'é', creationTimestamp: expect.any(Date) });
    expect(asked).toEqual(['POST /api/v1/namespaces']);
  });

  it("that are refused throw one class of error, with the server's message and no secrets", async () => {
    const core = await serve((_, response) => {
      response
        .writeHead(403, { 'Content-Type': 'application/json' })
        .end(status(403, 'Forbidden', 'webhook saw "Bearer abc.def" and eyJhbGci.eyJzdWIi.c2ln'));
    });
    const error = await errorOf(core.listNode());
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 403, reason: 'Forbidden', retryAfterMs: null });
    expect(error!.message).toBe('webhook saw "Bearer …" and …');
    expect(isTransient(error)).toBe(false);
  });

  it('report conflicts and missing objects', async () => {
    const core = await serve((request, response) => {
      const code = request.method === 'POST' ? 409 : 404;
      response.writeHead(code).end(status(code, 'x', 'y'));
    });
    expect(await createIfAbsent(() => core.createNamespace({ body: {} }))).toBeNull();
    expect(await deleteIfExists(() => core.deleteNamespace({ name: 'n' }))).toBe(false);
  });

  it('wait as long as the server requests, and then succeed', async () => {
    const core = await serve((_, response) => {
      const json = { 'Content-Type': 'application/json' };
      if (asked.length > 1) response.writeHead(200, json).end(JSON.stringify({ items: [] }));
      else response.writeHead(429, { 'Retry-After': '1' }).end('slow down');
    });
    const begun = performance.now();
    expect((await core.listNode()).items).toEqual([]);
    expect(performance.now() - begun).toBeGreaterThan(950);
    expect(asked).toHaveLength(2);
  });

  it('are not retried after their deadline, and pass the requested delay on', async () => {
    await serve((_, response) => {
      response.writeHead(503, { 'Retry-After': '60' }).end('later');
    });
    const error = await errorOf(ask(2_000));
    expect(error).toMatchObject({ status: 503, retryAfterMs: 60_000 });
    expect(isTransient(error)).toBe(true);
    expect(asked).toHaveLength(1);
  });

  it('end in time, whether there is no response or only half of it', async () => {
    for (const answer of [
      () => undefined,
      (_: unknown, response: { write(text: string): void }) => response.write('{"items":')
    ] as RequestListener[]) {
      await serve(answer);
      const begun = performance.now();
      const error = await errorOf(ask(300));
      expect(performance.now() - begun).toBeLessThan(20_000);
      expect(error!.message).toMatch(/did not answer within/);
      expect(isTransient(error)).toBe(true);
      server.closeAllConnections();
      server.close();
    }
  });

  it('to an unreachable server are worth a retry', async () => {
    const core = await serve(() => undefined);
    await new Promise(resolve => server.close(resolve));
    const error = await errorOf(core.listNode());
    expect(isTransient(error)).toBe(true);
  });
});
