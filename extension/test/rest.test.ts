import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ServerConnection } from '@jupyterlab/services';
import { nullTranslator } from '@jupyterlab/translation';
import { ProblemError, Rest } from '../src/backend/rest';
import { cluster } from './samples';

describe('requests to the backend, with a real HTTP server', () => {
  let server: Server;
  let rest: Rest;
  let asked: { method: string; url: string; type: string | undefined; body: string }[];
  let answer: { status: number; body: string; type?: string };

  beforeEach(async () => {
    asked = [];
    server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      const { method = '', url = '', headers } = request;
      asked.push({ method, url, type: headers['content-type'], body });
      response.writeHead(answer.status, { 'Content-Type': answer.type ?? 'application/json' });
      response.end(answer.body);
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    rest = new Rest(
      ServerConnection.makeSettings({
        baseUrl: `http://127.0.0.1:${port}/user/mira/`,
        wsUrl: `ws://127.0.0.1:${port}/user/mira/`,
        appendToken: false
      }),
      nullTranslator.load('aglais')
    );
  });

  afterEach(async () => {
    server.closeAllConnections();
    await new Promise(resolve => server.close(resolve));
  });

  it('goes through the Jupyter server, whatever its base URL', async () => {
    answer = { status: 201, body: JSON.stringify(cluster()) };
    expect(await rest.startCluster({ kernel: 'k1', notebook: 'stars.ipynb' })).toEqual(cluster());
    expect(asked).toEqual([
      {
        method: 'POST',
        url: '/user/mira/aglais/api/v1/clusters',
        type: 'application/json',
        body: '{"kernel":"k1","notebook":"stars.ipynb"}'
      }
    ]);
    expect(rest.streamAddress('a/b')).toMatch(/^ws:.*\/user\/mira\/aglais\/api\/v1\/stream\?/);
    expect(new URL(rest.streamAddress('a/b')).searchParams.get('cursor')).toBe('a/b');
    expect(new URL(rest.streamAddress(null)).search).toBe('');
  });

  it('sends the chosen options, also an empty choice, and no options without a choice', async () => {
    answer = { status: 201, body: JSON.stringify(cluster()) };
    await rest.startCluster({ kernel: 'k1', notebook: 'n', options: ['gpu'] });
    await rest.restartCluster('c1', { options: [] });
    await rest.restartCluster('c1', {});
    expect(asked.map(({ body }) => JSON.parse(body) as object)).toEqual([
      { kernel: 'k1', notebook: 'n', options: ['gpu'] },
      { options: [] },
      {}
    ]);
  });

  it('encodes ids in the path', async () => {
    answer = { status: 204, body: '' };
    await rest.dismissFinding('c/1', 'stage 3?');
    expect(asked[0]?.url).toBe(
      '/user/mira/aglais/api/v1/clusters/c%2F1/findings/stage%203%3F/dismiss'
    );
  });

  it('throws the problem of an error response', async () => {
    const problem = {
      type: 'urn:aglais:problem:shape-too-large',
      title: 'Too large',
      status: 422,
      detail: 'This machine can hold executors of at most 8.0 GiB. The running cluster was kept.'
    };
    answer = { status: 422, body: JSON.stringify(problem), type: 'application/problem+json' };
    const refusal = await rest.restartCluster('c1', {}).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(ProblemError);
    expect((refusal as ProblemError).message).toBe(problem.detail);
    expect((refusal as ProblemError).problem).toEqual(problem);
  });

  it('builds a problem from an error response without problem details', async () => {
    answer = { status: 403, body: '{"message": "Forbidden by the hub"}' };
    await expect(rest.capacity()).rejects.toThrow('Forbidden by the hub');
    answer = { status: 500, body: '<html>' };
    await expect(rest.capacity()).rejects.toThrow('Internal Server Error');
  });

  it('throws a problem if Jupyter itself does not answer', async () => {
    server.closeAllConnections();
    await new Promise(resolve => server.close(resolve));
    await expect(rest.capacity()).rejects.toThrow('The Jupyter server does not answer');
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  });
});
