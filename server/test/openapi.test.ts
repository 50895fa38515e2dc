import { describe, expect, it } from '@jest/globals';
import { openApiDocument, operations } from '@aglais/protocol';
import type { Router } from 'express';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { makeApp } from '../src/app.js';
import { Health } from '../src/health.js';

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'OPTIONS'];

/** An application with all routes, but without their dependencies. */
async function application(): Promise<Router> {
  const health = new Health();
  health.opened();
  const services = Promise.resolve({} as never);
  const app = makeApp({
    health,
    services,
    tokens: { scopeOf: () => 'user', forCluster: () => '', secretOf: () => '' },
    metrics: new Registry(),
    log: pino({ level: 'silent' })
  });
  await services;
  return app as unknown as Router;
}

interface Sent {
  status: number;
  /** Of the problem, if it is one. */
  type: string;
  allow: string | undefined;
}

/** Sends a request to the application, without a network; resolves with the response. */
async function send(app: Router, method: string, url: string): Promise<Sent> {
  const { createServer } = await import('node:http');
  const server = createServer(app as never);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const { request } = await import('node:http');
  try {
    return await new Promise<Sent>((resolve, reject) => {
      const headers = { authorization: 'Bearer x', connection: 'close' };
      const asked = request({ port, host: '127.0.0.1', method, path: url, headers }, answer => {
        let text = '';
        answer.on('data', (data: Buffer) => (text += data.toString()));
        answer.on('end', () => {
          const type = /"type":"([^"]*)"/.exec(text)?.[1] ?? '';
          resolve({ status: answer.statusCode ?? 0, type, allow: answer.headers.allow });
        });
      });
      asked.on('error', reject);
      asked.end();
    });
  } finally {
    server.close();
  }
}

describe('The OpenAPI document', () => {
  const document = openApiDocument('1.2.3');
  const paths = Object.entries(document.paths ?? {}) as [string, Record<string, never>][];

  it('has the methods of each path, and for all others the server responds with 405', async () => {
    const app = await application();
    expect(paths.length).toBeGreaterThan(10);
    for (const [path, item] of paths) {
      const url = `/api/v1${path.replace(/\{\w+\}/g, 'x')}`;
      const described = Object.keys(item).map(method => method.toUpperCase());
      const refused: string[] = [];
      for (const method of METHODS) {
        const { status, type, allow } = await send(app, method, url);
        expect({ path, method, type }).not.toEqual({
          path,
          method,
          type: 'urn:aglais:problem:not-found'
        });
        if (status !== 405) continue;
        refused.push(method);
        const allowed = allow?.split(', ').filter(one => one !== 'HEAD');
        expect({ path, allowed }).toEqual({ path, allowed: described.sort() });
      }
      expect({ path, refused }).toEqual({
        path,
        refused: METHODS.filter(method => !described.includes(method))
      });
    }
  }, 60_000);

  it('is created from the same operations as the routes: the same schemas validate requests', () => {
    const described = paths.flatMap(([path, item]) =>
      Object.keys(item).map(method => `${method.toUpperCase()} ${path}`)
    );
    expect(described.sort()).toEqual(Object.keys(operations).sort());
  });

  it('declares problem+json for every failure', () => {
    for (const [, item] of paths) {
      for (const { responses } of Object.values(item) as { responses: object }[]) {
        expect(responses).toMatchObject({
          '4XX': { content: { 'application/problem+json': expect.anything() } },
          '5XX': { content: { 'application/problem+json': expect.anything() } }
        });
      }
    }
  });
});
