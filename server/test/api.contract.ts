import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  CapacityReport,
  Cluster,
  Problem,
  ShareStatus,
  shapeTotalMiB,
  StreamMessage,
  type Endpoint,
  type ResizeAnswer
} from '@aglais/protocol';
import { runPython } from './support/connect.js';
import { clusterProcesses, endAll } from './support/processes.js';
import {
  Client,
  eventually,
  PATIENCE_MS,
  serve,
  SMALL,
  temporaryDirectory,
  type Answer,
  type TestServer
} from './support/server.js';
import { follow, refusal } from './support/stream.js';

/** A path that is hard to quote in a declaration, a URI and Spark's SQL. */
const AWKWARD = "it's  a `folder` (100 %), and ü";

/**
 * Shares: one is valid, one has lost its data, one has an invalid declaration, and one declaration is part of its data.
 */
function declareShares(directory: string): void {
  const data = join(directory, 'data', AWKWARD, 'stars');
  const catalogues = join(directory, 'catalogues');
  mkdirSync(data, { recursive: true });
  mkdirSync(catalogues, { recursive: true });
  const share = (id: string, path: string) => ({
    ...{ id, title: "Barnard's stars", description: 'd', path, credit: 'c', provenance: 'p' },
    tables: [
      {
        ...{ name: 'stars', path: 'stars', format: 'parquet', description: 'two\nlines' },
        columns: [{ name: 'source_id', type: 'bigint', description: "the star's" }]
      }
    ]
  });
  const write = (name: string, text: string) => writeFileSync(join(catalogues, name), text);
  // YAML is a superset of JSON.
  write('a-broken.yaml', 'id: [unclosed');
  write('b-wrong.yaml', 'id: Not An Id');
  write('c-lost.yaml', JSON.stringify(share('lost', '/there/is/no/such/path')));
  write('d-fine.yaml', JSON.stringify(share('fine', `\${AGLAIS_DATA}/${AWKWARD}`)));
  const bring = (name: string, id: string) => {
    const folder = join(directory, 'data', 'catalogues', name);
    mkdirSync(join(folder, 'stars'), { recursive: true });
    writeFileSync(join(folder, 'share.yaml'), JSON.stringify(share(id, folder)));
  };
  bring('made_here', 'made_here');
  bring('again', 'fine');
  // Data without a declaration does not become a share.
  mkdirSync(join(directory, 'data', 'catalogues', 'bare'));
}

/**
 * The API of a real server with one real cluster.
 * @param database its location; undefined for the embedded one
 */
export function apiContract(database: () => string | undefined): void {
  const directory = temporaryDirectory();
  const clusters = join(directory.path, 'state', 'clusters');
  /** Enough for two small clusters and a bit. */
  const memoryMiB = 2 * shapeTotalMiB(SMALL) + 100;
  let server: TestServer;
  let cluster: Cluster;

  const expectProblem = (answer: Answer, status: number, words: RegExp) => {
    expect(answer).toMatchObject({ status, type: 'application/problem+json' });
    const problem = Problem.parse(answer.body);
    expect(problem.status).toBe(status);
    expect(problem.type).toMatch(/^urn:aglais:problem:[a-z-]+$/);
    expect(`${problem.detail} ${JSON.stringify(problem.errors)}`).toMatch(words);
  };

  beforeAll(async () => {
    declareShares(directory.path);
    const location = database();
    server = await serve(directory.path, {
      AGLAIS_MEMORY_MIB: String(memoryMiB),
      ...(location && { AGLAIS_DATABASE: location })
    });
    cluster = await server.user.request('k1');
    cluster = await server.user.until(cluster.id, 'ready');
  }, PATIENCE_MS);

  afterAll(async () => {
    await server.close();
    const left = await endAll(clusters);
    directory.remove();
    expect(left).toEqual([]);
  }, PATIENCE_MS);

  describe('Authentication', () => {
    it('fails with a clear message without a token, or with an invalid one', async () => {
      expectProblem(await server.nobody.get('/clusters'), 401, /bearer token is required/);
      const stranger = new Client(server.user.url, `${server.user.token}x`);
      expectProblem(await stranger.get('/clusters'), 401, /not valid.*file `token`/);
      expectProblem(await server.nobody.send('GET', '/metrics'), 401, /bearer/);
    });

    it('returns the endpoint to a kernel, and never to a browser', async () => {
      const path = `/clusters/${cluster.id}/endpoint`;
      expect((await server.user.get(path)).body).toEqual({
        url: expect.stringMatching(/^sc:\/\/localhost:\d+$/),
        token: expect.stringMatching(/^[\w-]{43}$/),
        ca: null,
        runOffset: 0
      });
      expectProblem(await server.browser.get(path), 403, /not a browser/);
      expect((await server.browser.get('/clusters')).status).toBe(200);
    });

    it('is not required for liveness and the API description', async () => {
      expect(await server.nobody.send('GET', '/livez')).toMatchObject({
        status: 200,
        body: 'ok\n'
      });
      expect(await server.nobody.send('GET', '/readyz')).toMatchObject({
        status: 200,
        body: expect.stringMatching(/^\[\+\]server ok\n\[\+\]database ok\n\[\+\]launcher ok$/m)
      });
      expect(await server.nobody.get('/openapi.json')).toMatchObject({
        status: 200,
        body: { openapi: '3.1.0' }
      });
    });
  });

  describe('Invalid input', () => {
    const good = { kernel: 'k1', notebook: 'a.ipynb' };

    it.each([
      ['malformed JSON', '{"kernel": ', 400, /JSON.*Nothing was changed/],
      ['no object', '[]', 422, /expected object/],
      ['nothing', undefined, 422, /"kernel"/],
      ['a missing field', { kernel: 'k' }, 422, /"notebook"/],
      ['an unknown field', { ...good, shap: SMALL }, 422, /shap/],
      ['an empty kernel', { ...good, kernel: '' }, 422, /"kernel"/],
      [
        "a shape below Spark's own minimum",
        { ...good, shape: { ...SMALL, driverMemoryMiB: 1 } },
        422,
        /shape\.driverMemoryMiB/
      ],
      [
        'more least than most executors',
        { ...good, shape: { ...SMALL, executors: { min: 2, max: 1 } } },
        422,
        /min must not be larger/
      ],
      ['two megabytes', { ...good, notebook: 'x'.repeat(2 * 2 ** 20) }, 413, /too large/]
    ])('of %s is refused and changes nothing', async (_what, body, status, words) => {
      const before = (await server.user.get<{ clusters: [] }>('/clusters')).body.clusters.length;
      expectProblem(await server.user.post('/clusters', body), status, words);
      const after = (await server.user.get<{ clusters: [] }>('/clusters')).body.clusters.length;
      expect(after).toBe(before);
    });

    it('that is not declared as JSON is refused: it must not count as none', async () => {
      const { url, token } = server.user;
      const response = await fetch(`${url}/api/v1/clusters/${cluster.id}/restart`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${token!}` },
        body: JSON.stringify({ shape: SMALL })
      });
      expect(response.status).toBe(415);
      expect(await response.json()).toMatchObject({
        detail: expect.stringMatching(/application\/json.*Nothing was changed/)
      });
      expect((await server.user.cluster(cluster.id)).state).toBe('ready');
    });

    it.each([
      ['GET', '/clusters/nope'],
      ['DELETE', '/clusters/nope'],
      ['GET', '/clusters/nope/endpoint'],
      ['POST', '/clusters/nope/restart'],
      ['POST', '/clusters/nope/findings/f1/dismiss'],
      ['DELETE', `/clusters/${encodeURIComponent('../../etc')}`]
    ])('%s %s reports that the cluster does not exist', async (method, path) => {
      const body = method === 'POST' ? {} : undefined;
      expectProblem(await server.user.send(method, `/api/v1${path}`, body), 404, /does not exist/);
    });

    it('names a finding that does not exist', async () => {
      const path = `/clusters/${cluster.id}/findings/none/dismiss`;
      expectProblem(await server.user.post(path, {}), 404, /finding none/);
    });

    it('with an unknown path says where the API is described', async () => {
      expectProblem(await server.user.get('/cluster'), 404, /openapi\.json/);
      expectProblem(
        await server.user.send('PATCH', '/api/v1/clusters'),
        405,
        /PATCH is not possible for \/api\/v1\/clusters; allowed: GET, HEAD, POST/
      );
    });

    it('with a URL that cannot be decoded is a client error', async () => {
      expectProblem(await server.user.get('/clusters/%E0%A4%A'), 400, /%E0%A4%A/);
    });

    it.each(['afterRevision=x', 'waitMs=-1', 'waitMs=30001', 'waitMs=soon'])(
      'in a long poll with %s is refused',
      async query => {
        expectProblem(
          await server.user.get(`/clusters/${cluster.id}?${query}`),
          422,
          /waitMs|afterRev/
        );
      }
    );

    it('in a cell run names the field', async () => {
      const report = { cell: 'c', run: -1, outcome: 'done', at: 1 };
      const answer = await server.user.post(`/clusters/${cluster.id}/cell-runs`, report);
      expectProblem(answer, 422, /"run".*"outcome"/);
    });
  });

  describe('A kernel that was restarted', () => {
    it('gets an offset for its run numbers', async () => {
      const report = { cell: 'c', outcome: 'running', at: Date.now() };
      const path = `/clusters/${cluster.id}`;
      const runOffset = async () =>
        (await server.user.get<Endpoint>(`${path}/endpoint`)).body.runOffset;
      await server.user.post(`${path}/cell-runs`, { ...report, run: 7 });
      await eventually('the second life', async () => (await runOffset()) === 100_000);
      await server.user.post(`${path}/cell-runs`, { ...report, run: 200_001 });
      await eventually('the fourth life', async () => (await runOffset()) === 300_000);
    });
  });

  describe('Memory', () => {
    it('is not granted to a shape larger than the machine; the largest one is named', async () => {
      const shape = { ...SMALL, executorMemoryMiB: 900_000 };
      const answer = await server.user.post('/clusters', { kernel: 'k9', notebook: 'n', shape });
      expectProblem(
        answer,
        409,
        /needs 879\.9 GiB.*largest that fits has 1 executor with 2\.\d GiB/
      );
    });

    it('is not granted if others hold it; the holders are named', async () => {
      const shape = { ...SMALL, executorMemoryMiB: 1_000 };
      const answer = await server.user.post('/clusters', { kernel: 'k9', notebook: 'n', shape });
      expectProblem(answer, 409, /1\.6 GiB of 3\.1 GiB are free: k1\.ipynb holds 1\.5 GiB/);
    });

    it('is counted', async () => {
      const { body } = await server.user.get('/capacity');
      expect(CapacityReport.parse(body)).toMatchObject({
        totalMiB: memoryMiB,
        grantedMiB: shapeTotalMiB(SMALL),
        holders: [{ cluster: cluster.id, notebook: 'k1.ipynb', grantedMiB: shapeTotalMiB(SMALL) }],
        defaultShape: SMALL,
        options: []
      });
    });

    it('with an unknown option is refused, also in a restart, and the cluster keeps running', async () => {
      const options = ['gpu'];
      const words = /no option "gpu" here\. This installation offers none/;
      const asked = await server.user.post('/clusters', { kernel: 'k9', notebook: 'n', options });
      expectProblem(asked, 409, words);
      expectProblem(
        await server.user.post(`/clusters/${cluster.id}/restart`, { options }),
        409,
        words
      );
      expect(await server.user.cluster(cluster.id)).toMatchObject({ state: 'ready', options: [] });
      const wrong = await server.user.post('/clusters', {
        kernel: 'k9',
        notebook: 'n',
        options: 'gpu'
      });
      expectProblem(wrong, 422, /"options"/);
    });

    it('is not granted to a restart that is too large, and the cluster keeps running', async () => {
      const shape = { ...SMALL, executorMemoryMiB: 900_000 };
      const answer = await server.user.post(`/clusters/${cluster.id}/restart`, { shape });
      expectProblem(answer, 409, /largest that fits/);
      expect(await server.user.cluster(cluster.id)).toMatchObject({ state: 'ready', reason: null });
    });
  });

  describe('A resize', () => {
    const resize = (shape: unknown) =>
      server.user.post<ResizeAnswer>(`/clusters/${cluster.id}/resize`, { shape });

    it('takes effect immediately if only the memory overhead changes', async () => {
      const more = { ...SMALL, executorOverheadMiB: SMALL.executorOverheadMiB + 64 };
      const before = await server.user.endpoint(cluster.id);
      expect(await resize(more)).toMatchObject({ status: 200, body: { shape: more, lost: null } });
      expect(await server.user.cluster(cluster.id)).toMatchObject({ state: 'ready', shape: more });
      expect(await server.user.endpoint(cluster.id)).toEqual(before);
      expect(await resize(SMALL)).toMatchObject({ status: 200, body: { shape: SMALL } });
    });

    it('that a running JVM cannot apply says what a restart would cost, and changes nothing', async () => {
      const heap = { ...SMALL, executorMemoryMiB: SMALL.executorMemoryMiB + 64 };
      expectProblem(
        await resize(heap),
        409,
        /cannot take this size.*Nothing was changed.*are kept/
      );
      expect((await server.user.cluster(cluster.id)).shape).toEqual(SMALL);
    });

    it('is refused if the machine has no capacity, or the shape is invalid', async () => {
      expectProblem(await resize({ ...SMALL, executorOverheadMiB: 900_000 }), 409, /largest/);
      expectProblem(await resize({ ...SMALL, executors: 3 }), 422, /"shape\.executors/);
      expect((await server.user.cluster(cluster.id)).shape).toEqual(SMALL);
    });
  });

  it('of notebook memory is unknown if no notebook pods are configured', async () => {
    expectProblem(await server.browser.get('/notebook-memory'), 404, /does not manage the memory/);
    const ask = server.browser.post('/notebook-memory', { memoryMiB: 2_048 });
    expectProblem(await ask, 404, /does not manage the memory/);
    const wrong = server.browser.post('/notebook-memory', { memoryMiB: 'much' });
    expectProblem(await wrong, 422, /memoryMiB/);
    expectProblem(await server.nobody.get('/notebook-memory'), 401, /bearer/);
  });

  describe('A cluster', () => {
    it('matches the protocol, without secrets', async () => {
      const { body } = await server.user.get<Cluster>(`/clusters/${cluster.id}`);
      const { token } = await server.user.endpoint(cluster.id);
      expect(Cluster.parse(body)).toMatchObject({ state: 'ready', kernel: 'k1', shape: SMALL });
      expect(JSON.stringify(body)).not.toContain(token);
    });

    it('is the same when its kernel requests it again, with 200 instead of 201', async () => {
      const answer = await server.user.post<Cluster>('/clusters', { kernel: 'k1', notebook: 'x' });
      expect(answer).toMatchObject({ status: 200, body: { id: cluster.id } });
    });

    it('is returned immediately to a client that does not know it', async () => {
      const begun = Date.now();
      await server.user.get(`/clusters/${cluster.id}?afterRevision=0&waitMs=20000`);
      expect(Date.now() - begun).toBeLessThan(10_000);
    });

    it(
      'accepts the report of a cell, and publishes it',
      async () => {
        const stream = await follow(server.browser);
        const report = { cell: 'cell-1', run: 1, outcome: 'running', at: Date.now() };
        const path = `/clusters/${cluster.id}/cell-runs`;
        expect((await server.user.post(path, report)).status).toBe(204);
        await eventually('the cell run', () =>
          stream.messages.some(m => m.type === 'cell-run' && m.cellRun.cell === 'cell-1')
        );
        await server.user.post(path, { ...report, outcome: 'ok', at: Date.now() });
        await eventually('its end', () =>
          stream.messages.some(m => m.type === 'cell-run' && m.cellRun.outcome === 'ok')
        );
        stream.close();
        for (const message of stream.messages) StreamMessage.parse(message);
      },
      PATIENCE_MS
    );

    it(
      'gets the report that its kernel died: its cell ended, with memory as the cause if it was',
      async () => {
        const at = Date.now();
        const report = { cell: 'killed', run: 3, outcome: 'running', at };
        await server.user.post(`/clusters/${cluster.id}/cell-runs`, report);
        const stream = await follow(server.browser);
        await eventually(
          'the cell run',
          () =>
            stream.messages.some(
              m => m.type === 'snapshot' && m.cellRuns.some(({ cell }) => cell === 'killed')
            ) || stream.messages.some(m => m.type === 'cell-run' && m.cellRun.cell === 'killed')
        );
        const memory = { oomKills: 1, limitMiB: 2_048, quote: 'oom_kill 1', ref: 'memory.events' };
        const death = { kernel: 'k1', at: at + 1, exitCode: -9, memory };
        const path = '/jupyter-servers/lab-1/kernel-deaths';
        expectProblem(await server.browser.post(path, death), 403, /not a browser/);
        expectProblem(await server.user.post(path, { ...death, at: 'now' }), 422, /at/);
        // It may arrive twice, and for a kernel without Spark.
        for (const kernel of ['k1', 'k1', 'k-without-spark'])
          expect((await server.user.post(path, { ...death, kernel })).status).toBe(204);
        const found = await eventually('the finding', () =>
          stream.messages.findLast(
            m =>
              m.type === 'finding' &&
              m.finding.finding.code === 'kernel-oom-killed' &&
              m.finding.finding.subject.cell === 'killed'
          )
        );
        expect(found).toMatchObject({
          finding: {
            kernel: 'k1',
            finding: {
              confidence: 'certain',
              severity: 'error',
              count: 1,
              advice: [{ action: 'notebook-memory', memoryMiB: 4_096 }, { action: 'code' }]
            }
          }
        });
        await eventually('the end of the cell', () =>
          stream.messages.some(
            m =>
              m.type === 'cell-run' &&
              m.cellRun.cell === 'killed' &&
              m.cellRun.outcome === 'error' &&
              m.cellRun.error?.name === 'DeadKernelError'
          )
        );
        stream.close();
        for (const message of stream.messages) StreamMessage.parse(message);
      },
      PATIENCE_MS
    );

    it(
      'is not affected by corrupt lines among its events; they are counted',
      async () => {
        const log = join(clusters, cluster.id, 'live.jsonl');
        appendFileSync(log, '{"Event":"SparkListenerTaskEnd","Stage ID":\n\0\0\0\n[1,2\n');
        const run = await runPython(
          await server.user.endpoint(cluster.id),
          'print(spark.range(9).count())'
        );
        expect(run.stdout.trim()).toBe('9');
        await eventually('the count', async () => {
          const { body } = await server.user.send<string>('GET', '/metrics');
          return /^aglais_unreadable_evidence_lines 3$/m.test(body);
        });
        expect((await server.user.cluster(cluster.id)).state).toBe('ready');
      },
      PATIENCE_MS
    );
  });

  describe('Shares', () => {
    it('are listed with their problems, and invalid declarations affect no others', async () => {
      const { body } = await server.user.get<{ shares: ShareStatus[] }>('/shares');
      const shares = body.shares.map(share => ShareStatus.parse(share));
      expect(shares).toMatchObject([
        {
          id: 'lost',
          available: false,
          problem: expect.stringContaining('/there/is/no/such/path')
        },
        { id: 'fine', available: true, problem: null },
        { id: 'made_here', available: true, problem: null }
      ]);
    });

    it(
      'that are readable are tables in Spark, whatever their path is',
      async () => {
        const ready = readFileSync(join(clusters, cluster.id, 'ready'), 'utf8');
        // Each line after the port would be a table that could not be registered.
        expect(ready).toMatch(/^\d+\n$/);
        const run = await runPython(
          await server.user.endpoint(cluster.id),
          'print(spark.table("fine.stars").count(), spark.table("fine.stars").columns)'
        );
        expect(run.stdout.trim()).toBe("0 ['source_id']");
      },
      PATIENCE_MS
    );
  });

  describe('The stream', () => {
    it(
      'starts with a snapshot, and resumes from a cursor with the missed changes',
      async () => {
        const first = await follow(server.browser);
        const [snapshot] = first.messages;
        expect(StreamMessage.parse(snapshot)).toMatchObject({
          type: 'snapshot',
          clusters: [{ id: cluster.id }]
        });
        first.close();
        // The memory of a live cluster changes by itself.
        await eventually(
          'a change',
          async () =>
            (await server.user.cluster(cluster.id)).revision >
            (snapshot as { clusters: Cluster[] }).clusters[0]!.revision
        );
        const second = await follow(server.browser, snapshot!.cursor);
        expect(second.messages[0]!.type).toBe('resumed');
        await eventually('what was missed', () => second.messages.some(m => m.type === 'cluster'));
        second.close();
      },
      PATIENCE_MS
    );

    it('with an unknown cursor starts again', async () => {
      const stream = await follow(server.browser, 'ffff.1');
      expect(stream.messages[0]!.type).toBe('snapshot');
      stream.close();
    });

    it('is refused without a token, and at other paths', async () => {
      const { url, token } = server.user;
      const json = 'application/problem+json';
      expect(await refusal(url, '/api/v1/stream', null)).toEqual({ status: 401, type: json });
      expect(await refusal(url, '/api/v1/stream', 'wrong')).toEqual({ status: 401, type: json });
      expect(await refusal(url, '/api/v1/streams', token)).toEqual({ status: 404, type: json });
    });

    it('survives a request with an invalid URL', async () => {
      const { hostname, port } = new URL(server.user.url);
      const said = await new Promise<string>(resolve => {
        let text = '';
        const socket = connect(Number(port), hostname, () =>
          socket.write(
            'GET // HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
          )
        );
        socket.on('data', data => (text += data.toString()));
        socket.on('close', () => resolve(text));
      });
      expect(said).toMatch(/^HTTP\/1\.1 400 [^]*problem\+json/);
      expect((await server.nobody.send('GET', '/livez')).status).toBe(200);
    });
  });

  it('reports clusters by state and granted memory to operators', async () => {
    const { body, type } = await server.user.send<string>('GET', '/metrics');
    expect(type).toBe('text/plain');
    expect(body).toMatch(/^aglais_clusters\{state="ready"\} 1$/m);
    expect(body).toMatch(
      new RegExp(`^aglais_granted_memory_bytes ${shapeTotalMiB(SMALL) * 2 ** 20}$`, 'm')
    );
  });

  it(
    'stops the cluster once, however often it is requested, and notifies waiting clients',
    async () => {
      const cell = { cell: 'cell-2', run: 2, outcome: 'running', at: Date.now() };
      await server.user.post(`/clusters/${cluster.id}/cell-runs`, cell);
      await eventually('the cell', async () => {
        const stream = await follow(server.browser);
        stream.close();
        return JSON.stringify(stream.messages).includes('"cell-2"');
      });
      const waiting = server.user.get<Cluster>(
        `/clusters/${cluster.id}?afterRevision=${Date.now() + 5_000}&waitMs=30000`
      );
      const path = `/clusters/${cluster.id}`;
      const stops = await Promise.all([server.user.delete(path), server.user.delete(path)]);
      for (const stop of stops) {
        expect(stop).toMatchObject({ status: 202, body: { reason: 'Spark was stopped by you.' } });
      }
      await waiting;
      const stopped = await server.user.until(cluster.id, 'stopped');
      expect(stopped).toMatchObject({
        reason: 'Spark was stopped by you.',
        executors: [],
        idleStopAt: null
      });
      expect(stopped.stoppedAt).toBeGreaterThan(stopped.createdAt);
      expectProblem(await server.user.get(`${path}/endpoint`), 409, /stopped.*by you/);
      expect(await server.user.delete(path)).toMatchObject({
        status: 202,
        body: { state: 'stopped' }
      });
      expect(await clusterProcesses(clusters)).toEqual([]);
    },
    PATIENCE_MS
  );

  it('lets a client that is up to date wait for the requested time, if nothing changes', async () => {
    const { revision } = await server.user.cluster(cluster.id);
    const begun = Date.now();
    const answer = await server.user.get(
      `/clusters/${cluster.id}?afterRevision=${revision}&waitMs=400`
    );
    expect(answer).toMatchObject({ status: 200, body: { revision } });
    expect(Date.now() - begun).toBeGreaterThanOrEqual(390);
  });

  it('accepts the late report of a cell whose cluster has ended', async () => {
    const shown = async () => {
      const stream = await follow(server.browser);
      stream.close();
      const [snapshot] = stream.messages;
      return (
        snapshot?.type === 'snapshot' && snapshot.cellRuns.find(({ cell }) => cell === 'cell-2')
      );
    };
    // Its start was reported while the cluster was live; it was interrupted with the cluster.
    expect(await shown()).toMatchObject({ run: 2, outcome: 'cancelled' });
    const at = Date.now();
    const error = { name: 'E', message: 'm' };
    const report = { cell: 'cell-2', run: 2, at, outcome: 'error', error };
    expect((await server.user.post(`/clusters/${cluster.id}/cell-runs`, report)).status).toBe(204);
    expect(await shown()).toMatchObject({ run: 2, outcome: 'error', endedAt: at, error });
  });
}
