import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';
import { pino } from 'pino';
import { readConfig, startServer, type RunningServer } from '../src/index.js';
import {
  Client,
  environment,
  eventually,
  PATIENCE_MS,
  temporaryDirectory
} from './support/server.js';
import { refusal } from './support/stream.js';

const directory = temporaryDirectory();
let server: RunningServer;
let port: number;
let apiServer: Server | null = null;

/** An address on which nobody listens. */
async function freePort(): Promise<number> {
  const http = createServer().listen(0, '127.0.0.1');
  await once(http, 'listening');
  const { port } = http.address() as AddressInfo;
  http.close();
  await once(http, 'close');
  return port;
}

beforeAll(async () => {
  port = await freePort();
  const kubeconfig = join(directory.path, 'kubeconfig');
  const named = (name: string, rest: object) => [{ name, ...rest }];
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      clusters: named('c', {
        // Without TLS, which the client refuses otherwise.
        cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true }
      }),
      users: named('u', { user: { token: 'x' } }),
      contexts: named('x', { context: { cluster: 'c', user: 'u' } }),
      'current-context': 'x'
    })
  );
  const config = join(directory.path, 'kubernetes.yaml');
  writeFileSync(config, JSON.stringify({ image: { name: 'x' }, connection: { kubeconfig } }));
  const env = environment(directory.path, {
    AGLAIS_LAUNCHER: 'kubernetes',
    AGLAIS_KUBERNETES: config
  });
  server = await startServer(readConfig(env), pino({ level: 'silent' }));
}, PATIENCE_MS);
afterAll(async () => {
  await server.close();
  apiServer?.closeAllConnections();
  apiServer?.close();
  directory.remove();
});

describe('A server whose Kubernetes does not respond', () => {
  const client = () => {
    const token = readFileSync(join(directory.path, 'state', 'token'), 'utf8').trim();
    return new Client(server.url, token);
  };

  it(
    'listens, is live, and says what it is waiting for',
    async () => {
      expect(await client().send('GET', '/livez')).toMatchObject({ status: 200 });
      const waiting = `starting: waiting for the Kubernetes API server at http://127.0.0.1:${port}`;
      await eventually('the wait for Kubernetes', async () => {
        const { status, body } = await client().send<string>('GET', '/readyz');
        return status === 503 && body.includes(waiting);
      });
      const response = await fetch(`${server.url}/api/v1/clusters`, {
        headers: { authorization: `Bearer ${client().token}` }
      });
      expect(response.status).toBe(503);
      expect(response.headers.get('retry-after')).toBe('2');
      expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect(await response.json()).toMatchObject({ detail: expect.stringContaining(waiting) });
    },
    PATIENCE_MS
  );

  it('requires a token meanwhile, describes its API, and has metrics', async () => {
    const nobody = new Client(server.url, null);
    expect((await nobody.get('/clusters')).status).toBe(401);
    expect((await nobody.get('/openapi.json')).status).toBe(200);
    const { status, body } = await client().send<string>('GET', '/metrics');
    expect({ status, body }).toMatchObject({
      status: 200,
      body: expect.stringContaining('aglais_granted_memory_bytes')
    });
  });

  it('shows no client an empty list of clusters', async () => {
    const refused = await refusal(server.url, '/api/v1/stream', client().token);
    expect(refused).toEqual({ status: 503, type: 'application/problem+json' });
  });

  it('is ready as soon as Kubernetes responds', async () => {
    apiServer = createServer((request, response) => {
      const isWatch = new URL(request.url!, 'http://x').searchParams.has('watch');
      response.writeHead(200, { 'content-type': 'application/json' });
      if (isWatch) response.flushHeaders();
      else response.end(JSON.stringify({ items: [], metadata: { resourceVersion: '1' } }));
    }).listen(port, '127.0.0.1');
    await server.ready;
    expect(await client().send('GET', '/readyz')).toMatchObject({ status: 200 });
    expect(await client().get('/clusters')).toMatchObject({ status: 200, body: { clusters: [] } });
    const url = `${server.url.replace('http', 'ws')}/api/v1/stream`;
    const socket = new WebSocket(url, { headers: { authorization: `Bearer ${client().token}` } });
    await once(socket, 'message');
    socket.terminate();
  }, 120_000);
});

describe('A server that is closed while it waits for Kubernetes', () => {
  it('exits immediately, and reports that it never became ready', async () => {
    const own = temporaryDirectory();
    const dead = await freePort();
    const kubeconfig = join(own.path, 'kubeconfig');
    writeFileSync(
      kubeconfig,
      readFileSync(join(directory.path, 'kubeconfig'), 'utf8').replace(String(port), String(dead))
    );
    const config = join(own.path, 'kubernetes.yaml');
    writeFileSync(config, JSON.stringify({ image: { name: 'x' }, connection: { kubeconfig } }));
    const env = environment(own.path, { AGLAIS_LAUNCHER: 'kubernetes', AGLAIS_KUBERNETES: config });
    const waiting = await startServer(readConfig(env), pino({ level: 'silent' }));
    const outcome = waiting.ready.then(
      () => 'ready',
      (error: Error) => error.message
    );
    const began = performance.now();
    await waiting.close();
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(await outcome).toMatch(/closed|shutting down/);
    own.remove();
  }, 60_000);
});
