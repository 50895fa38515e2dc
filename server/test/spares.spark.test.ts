import { join } from 'node:path';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Cluster } from '@aglais/protocol';
import { runPython } from './support/connect.js';
import { openNotebook } from './support/notebook.js';
import { clusterProcesses, endAll } from './support/processes.js';
import {
  eventually,
  PATIENCE_MS,
  serve,
  temporaryDirectory,
  type TestServer
} from './support/server.js';

const directory = temporaryDirectory();
let server: TestServer;

const list = async () =>
  (await server.user.get<{ clusters: Cluster[] }>('/clusters')).body.clusters;
const readySpare = () =>
  eventually('a ready spare', async () =>
    (await list()).find(({ spare, state }) => spare && state === 'ready')
  );

beforeAll(async () => {
  server = await serve(directory.path, { AGLAIS_SPARES: '1', AGLAIS_MEMORY_MIB: '6000' });
}, PATIENCE_MS);
afterAll(async () => {
  await server.close();
  await endAll(join(directory.path, 'state', 'clusters'));
  directory.remove();
}, PATIENCE_MS);

describe('A spare', () => {
  it(
    'starts once a Jupyter Server has reported, and belongs to the first who asks, at once',
    async () => {
      expect(await list()).toEqual([]);
      await server.user.put('/jupyter-servers/lab/kernels', { kernels: [] });
      const spare = await readySpare();
      const began = performance.now();
      const mine = await server.user.request('k1');
      expect(mine).toMatchObject({ id: spare.id, state: 'ready', spare: false, kernel: 'k1' });
      expect(performance.now() - began).toBeLessThan(2_000);
      const other = await server.user.request('k2');
      expect(other.id).not.toBe(spare.id);
      await server.user.delete(`/clusters/${other.id}`);
    },
    2 * PATIENCE_MS
  );

  it(
    'stops its warm-up when somebody connects, and what the warm-up did is nobody’s finding',
    async () => {
      const [{ id }] = (await list()).filter(({ kernel }) => kernel === 'k1') as [Cluster];
      const endpoint = await server.user.endpoint(id);
      const { stdout } = await runPython(endpoint, 'print(spark.range(10).count())');
      expect(stdout.trim()).toBe('10');
      const places = join(directory.path, 'state', 'clusters');
      const warmUps = (await clusterProcesses(places)).filter(
        ({ cluster, command }) => cluster === id && command.includes('warm_up.py')
      );
      expect(warmUps).toEqual([]);
      const place = join(places, id);
      const log = await readFile(join(place, 'warm-up.log'), 'utf8');
      expect(log).not.toMatch(/Traceback/);
      const { body } = await server.user.get<{ findings: unknown[] }>('/findings');
      expect(body.findings).toEqual([]);
    },
    PATIENCE_MS
  );

  it(
    'follows when the clusters have been idle for a while, and is warm soon',
    async () => {
      const { id } = await readySpare();
      const log = join(directory.path, 'state', 'clusters', id, 'warm-up.log');
      await eventually('the end of its warm-up', async () =>
        (await readFile(log, 'utf8').catch(() => '')).endsWith('aglais: warm\n')
      );
      expect(await readFile(log, 'utf8')).toBe('aglais: warm\n');
    },
    3 * PATIENCE_MS
  );

  it(
    'was warmed up in the first session of its notebook, and in no later one',
    async () => {
      const { id } = await readySpare();
      const notebook = await openNotebook(server);
      const session = async (cell: string, code: string) => {
        const { text, error } = await notebook.run(cell, code);
        expect(error).toBe('');
        return text.trim();
      };
      try {
        const first = await session('first', 'spark.range(10).count(); print(spark.session_id)');
        const later = await session(
          'later',
          'spark.stop()\nfrom pyspark.sql import SparkSession\n' +
            'spark = SparkSession.builder.getOrCreate()\nspark.range(10).count(); print(spark.session_id)'
        );
        const events = await readFile(
          join(directory.path, 'state', 'clusters', id, 'live.jsonl'),
          'utf8'
        );
        const started = [...events.matchAll(/ConnectSessionStarted","sessionId":"([^"]+)"/g)];
        expect(started.map(([, name]) => name)).toEqual([first, later]);
      } finally {
        await notebook.close();
      }
    },
    3 * PATIENCE_MS
  );
});
