import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Health, healthRoutes } from '../src/health.js';
import type { LoopHealth } from '../src/loop.js';

const health = new Health();
let http: Server;
beforeAll(async () => {
  http = createServer(express().use(healthRoutes(health)));
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
});
afterAll(() => void http.close());

async function get(path: string): Promise<{ status: number; text: string }> {
  const { port } = http.address() as AddressInfo;
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  return { status: response.status, text: await response.text() };
}

describe('A server', () => {
  it('is live and not ready while it starts, and says what it is waiting for', async () => {
    health.startsWith('the Kubernetes API server at https://example.org');
    expect(await get('/livez')).toEqual({ status: 200, text: 'ok\n' });
    expect(await get('/readyz')).toEqual({
      status: 503,
      text: '[-]server: starting: waiting for the Kubernetes API server at https://example.org\n'
    });
  });

  it('is not live when one of its loops is stuck, and names it', async () => {
    const loops: LoopHealth[] = [{ name: 'reconciler', ageMs: 59_000, limitMs: 60_000 }];
    health.watchLoops({ health: () => loops });
    health.watchLoops({ health: () => [{ name: 'leases', ageMs: 1, limitMs: 5_000 }] });
    expect((await get('/livez')).status).toBe(200);
    loops[0]!.ageMs = 61_500;
    expect(await get('/livez')).toEqual({
      status: 503,
      text: '[-]reconciler: no pass completed for 61.5 s (limit 60.0 s)\n'
    });
  });

  it('is ready when it is open and its dependencies respond, and names those that do not', async () => {
    health.opened();
    const database: { answer: () => Promise<string | null> } = { answer: async () => null };
    health.addCheck({ name: 'database', check: () => database.answer() });
    expect(await get('/readyz')).toEqual({ status: 200, text: '[+]server ok\n[+]database ok\n' });
    database.answer = () => Promise.reject(new Error('no password=hush for you'));
    expect(await get('/readyz')).toEqual({
      status: 503,
      text: '[+]server ok\n[-]database: no password=[redacted] for you\n'
    });
    database.answer = () => new Promise(() => undefined);
    const started = performance.now();
    expect(await get('/readyz')).toMatchObject({
      status: 503,
      text: expect.stringMatching(/no answer within 900 ms/)
    });
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  it('is not ready any more when it shuts down', async () => {
    health.ending();
    expect(await get('/readyz')).toEqual({ status: 503, text: '[-]server: shutting down\n' });
  });
});
