import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { makeApp } from '../src/app.js';
import { Health } from '../src/health.js';
import { refuseMalformed } from '../src/problems.js';
import { Client, SMALL } from './support/server.js';

/** Calls that reached the clusters: none for a hostile request. */
let reached: unknown[] = [];
const clusters = new Proxy(
  {},
  {
    get:
      (_, name) =>
      (...values: unknown[]) => {
        reached.push([name, ...values]);
        return name === 'request' ? { cluster: {}, created: true } : {};
      }
  }
);
let http: Server;
let client: Client;
let port: number;

beforeAll(async () => {
  const health = new Health();
  health.opened();
  const tokens = { scopeOf: () => 'user' as const, forCluster: () => '', secretOf: () => '' };
  const services = Promise.resolve({ clusters, notebooks: null, shares: async () => [] } as never);
  const log = pino({ level: 'silent' });
  http = createServer(makeApp({ health, tokens, services, log, metrics: new Registry() }));
  http.on('clientError', refuseMalformed);
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  port = (http.address() as AddressInfo).port;
  client = new Client(`http://127.0.0.1:${port}`, 'any');
});
afterAll(() => void http.close());
beforeEach(() => void (reached = []));

const asked = { kernel: 'k', notebook: 'n' };
const cell = { cell: 'c', run: 1, outcome: 'ok', at: 1 };
const death = { kernel: 'k', at: 1, exitCode: -9, memory: null };
const json = (value: object) => JSON.stringify(value);
const deep = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);

describe('A request', () => {
  it.each([
    ['NUL in a kernel', 'POST', '/clusters', json({ ...asked, kernel: 'k\0' })],
    ['NUL in a notebook', 'POST', '/clusters', json({ ...asked, notebook: '\0' })],
    ['NUL in an option', 'POST', '/clusters', json({ ...asked, options: ['gpu\0'] })],
    ['half of a surrogate pair', 'POST', '/clusters', '{"kernel":"\\ud800","notebook":"n"}'],
    ['201 characters', 'POST', '/clusters', json({ ...asked, kernel: 'é'.repeat(201) })],
    [
      '2^53 MiB',
      'POST',
      '/clusters',
      json({ ...asked, shape: { ...SMALL, driverMemoryMiB: 2 ** 53 } })
    ],
    [
      'infinitely many MiB',
      'POST',
      '/clusters',
      '{"kernel":"k","notebook":"n","shape":{"driverMemoryMiB":1e999}}'
    ],
    ['a prototype', 'POST', '/clusters', '{"kernel":"k","notebook":"n","__proto__":{"shape":1}}'],
    ['deep nesting', 'POST', '/clusters', `{"kernel":${deep(100_000)},"notebook":"n"}`],
    [
      'deep nesting beside',
      'POST',
      '/clusters',
      `{"kernel":"k","notebook":"n","x":${deep(100_000)}}`
    ],
    [
      'a run beyond an integer',
      'POST',
      '/clusters/c/cell-runs',
      json({ ...cell, run: 3_000_000_000 })
    ],
    ['a time beyond dates', 'POST', '/clusters/c/cell-runs', json({ ...cell, at: 9e15 })],
    ['a time before 1970', 'POST', '/clusters/c/cell-runs', json({ ...cell, at: -1 })],
    [
      'NUL in an error',
      'POST',
      '/clusters/c/cell-runs',
      json({ ...cell, error: { name: 'E', message: 'a\0b' } })
    ],
    ['NUL in a cell', 'POST', '/clusters/c/cell-runs', json({ ...cell, cell: '\0' })],
    [
      'NUL in a list of kernels',
      'PUT',
      '/jupyter-servers/s/kernels',
      json({ kernels: [{ id: 'k\0', notebook: 'n' }] })
    ],
    [
      'too many kernels',
      'PUT',
      '/jupyter-servers/s/kernels',
      json({ kernels: Array(10_001).fill({ id: 'k', notebook: '' }) })
    ],
    [
      'NUL in the death of a kernel',
      'POST',
      '/jupyter-servers/s/kernel-deaths',
      json({ ...death, kernel: '\0' })
    ],
    [
      'an exit code beyond 32 bits',
      'POST',
      '/jupyter-servers/s/kernel-deaths',
      json({ ...death, exitCode: 2 ** 33 })
    ],
    ['NUL in a query', 'GET', '/findings?notebook=%00', undefined],
    ['two values of one parameter', 'GET', '/findings?notebook=a&notebook=b', undefined],
    ['a parameter that does not exist', 'GET', '/findings?notebok=a', undefined],
    ['a wait that is no number', 'GET', '/clusters/c?waitMs=', undefined],
    ['a hexadecimal wait', 'GET', '/clusters/c?waitMs=0x10', undefined],
    ['a wait in exponents', 'GET', '/clusters/c?waitMs=1e3', undefined],
    ['a revision beyond 2^53', 'GET', '/clusters/c?afterRevision=9007199254740993', undefined]
  ])('with %s is refused as invalid, and has no effect', async (_, method, path, body) => {
    const { status, type } = await client.send(method, `/api/v1${path}`, body);
    expect({ status, type }).toEqual({ status: 422, type: 'application/problem+json' });
    expect(reached).toEqual([]);
  });

  it.each([
    ['/clusters/c%00', 'GET'],
    ['/clusters/%ED%A0%80', 'GET'],
    ['/clusters/C-1', 'DELETE'],
    ['/clusters/c/findings/f%00/dismiss', 'POST'],
    ['/jupyter-servers/%00/kernels', 'PUT']
  ])('for %s, which cannot exist, gets 404, and has no effect', async (path, method) => {
    const { status, type } = await client.send(
      method,
      `/api/v1${path}`,
      method === 'GET' ? undefined : {}
    );
    expect([400, 404]).toContain(status);
    expect(type).toBe('application/problem+json');
    expect(reached).toEqual([]);
  });

  it('is measured in characters: 200 that need two code units each are accepted', async () => {
    const kernel = '𝛼'.repeat(200);
    expect((await client.post('/clusters', { ...asked, kernel })).status).toBe(201);
    expect(reached).toEqual([['request', { ...asked, kernel }]]);
  });

  it.each([
    ['GET /api/v1/clusters HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n', 400],
    ['NONSENSE\r\n\r\n', 400],
    [`GET / HTTP/1.1\r\nHost: x\r\nA: ${'x'.repeat(70_000)}\r\n\r\n`, 431]
  ])('that is not HTTP gets a problem', async (text, status) => {
    const answer = await new Promise<string>((resolve, reject) => {
      let received = '';
      const socket = connect(port, '127.0.0.1', () => socket.write(text));
      socket.on('data', data => (received += data.toString()));
      socket.on('close', () => resolve(received));
      socket.on('error', reject);
    });
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} [^]*application/problem\\+json`));
  });

  it('cannot inject headers into the response', async () => {
    const path = '/nothing%0d%0aSet-Cookie:%20a=b';
    const response = await fetch(`${client.url}${path}`);
    expect(response.status).toBe(404);
    expect(response.headers.get('set-cookie')).toBeNull();
  });
});
