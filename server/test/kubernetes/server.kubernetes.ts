import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ResizeAnswer } from '@aglais/protocol';
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { runPython } from '../support/connect.js';
import {
  eventually,
  PATIENCE_MS,
  serve,
  SMALL,
  temporaryDirectory,
  type TestServer
} from '../support/server.js';
import { podsEnvironment } from './pods-environment.js';

describe('A server whose clusters are pods', () => {
  const directory = temporaryDirectory();
  const namespace = `aglais-launcher-${randomBytes(4).toString('hex')}`;
  const kubeconfig = process.env.AGLAIS_KUBECONFIG ?? '';
  const config = new KubeConfig();
  let server: TestServer;
  let core: CoreV1Api;
  const begin = () =>
    serve(directory.path, {
      ...podsEnvironment(directory.path, namespace),
      AGLAIS_STOP_CLUSTERS_ON_EXIT: 'false'
    });

  beforeAll(async () => {
    config.loadFromFile(kubeconfig);
    core = config.makeApiClient(CoreV1Api);
    await core.createNamespace({ body: { metadata: { name: namespace } } });
    server = await begin();
  }, PATIENCE_MS);

  afterAll(async () => {
    for (const { id } of (await server.user.get<{ clusters: { id: string }[] }>('/clusters')).body
      .clusters) {
      await server.user.delete(`/clusters/${id}`);
      await server.user.until(id, 'stopped', 'failed');
    }
    await server.close();
    await core.deleteNamespace({ name: namespace });
    directory.remove();
  }, PATIENCE_MS);

  it(
    'starts one for a kernel, which works through a restarted server, too, and stops it',
    async () => {
      const begun = Date.now();
      const asked = await server.user.request('k1');
      const cluster = await server.user.until(asked.id, 'ready');
      console.log(`ready after ${Date.now() - begun} ms`);
      expect(cluster.launcher).toBe('kubernetes');
      const endpoint = await server.user.endpoint(cluster.id);
      expect(endpoint.ca).toContain('BEGIN CERTIFICATE');
      const run = await runPython(endpoint, 'print(spark.range(5).count())');
      expect(run).toMatchObject({ code: 0, stdout: '5\n' });
      console.log(`first result after ${Date.now() - begun} ms`);

      const shape = { ...SMALL, executors: { min: 2, max: 2 } };
      const resize = `/clusters/${cluster.id}/resize`;
      // On a busy machine the second one may still be pending, which is a 409; a second request returns the current
      // state.
      const two = await eventually('two executors', async () => {
        const answer = await server.user.post<ResizeAnswer>(resize, { shape });
        return answer.status === 200 && answer.body;
      });
      expect(two).toMatchObject({ shape, lost: null, state: 'ready' });

      await server.close();
      server = await begin();
      expect(await server.user.until(cluster.id, 'ready')).toMatchObject({
        readyAt: cluster.readyAt,
        shape
      });
      const again = await runPython(
        await server.user.endpoint(cluster.id),
        'print(spark.range(6).count())'
      );
      expect(again).toMatchObject({ code: 0, stdout: '6\n' });
      const seen = await server.user.cluster(cluster.id);
      expect(seen.executors.filter(({ state }) => state === 'active')).toHaveLength(2);

      await server.user.delete(`/clusters/${cluster.id}`);
      await server.user.until(cluster.id, 'stopped');
      const pods = await core.listNamespacedPod({ namespace });
      expect(pods.items).toEqual([]);
    },
    3 * PATIENCE_MS
  );

  it(
    'refuses a shape that fits on no node immediately, with the largest that fits',
    async () => {
      const shape = { ...SMALL, executorMemoryMiB: 900_000 };
      const asked = { kernel: 'k2', notebook: 'k2.ipynb', shape };
      const { status, body } = await server.user.post<{ detail: string }>('/clusters', asked);
      expect(status).toBe(409);
      expect(body.detail).toMatch(/this Kubernetes cluster has.*largest that fits has 1 executor/);
    },
    PATIENCE_MS
  );
});
