import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { quantityMiB } from '@aglais/diagnosis';
import {
  executorLimitMiB,
  type Cluster,
  type Problem,
  type ResizeAnswer,
  type Shape
} from '@aglais/protocol';
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import {
  eventually,
  PATIENCE_MS,
  serve,
  SMALL,
  temporaryDirectory,
  type TestServer
} from '../support/server.js';
import { podsEnvironment } from './pods-environment.js';

const LARGER: Shape = { ...SMALL, executorOverheadMiB: SMALL.executorOverheadMiB + 256 };
const MORE: Shape = { ...LARGER, executors: { min: 2, max: 2 } };
/** Executors that are below their limit are looked for each second: this is long enough to see a resize that is tried again. */
const SEVERAL_SWEEPS_MS = 5_000;
const NAME = 'refuses';

describe('A resize that a real Kubernetes refuses', () => {
  const directory = temporaryDirectory();
  const namespace = `aglais-launcher-${randomBytes(4).toString('hex')}`;
  const kubeconfig = process.env.AGLAIS_KUBECONFIG ?? '';
  let server: TestServer;
  let core: CoreV1Api;
  let id: string;

  beforeAll(async () => {
    const config = new KubeConfig();
    config.loadFromFile(kubeconfig);
    core = config.makeApiClient(CoreV1Api);
    await core.createNamespace({ body: { metadata: { name: namespace } } });
    server = await serve(directory.path, {
      ...podsEnvironment(directory.path, namespace),
      AGLAIS_STOP_CLUSTERS_ON_EXIT: 'false'
    });
    ({ id } = await server.user.request('k1'));
    await server.user.until(id, 'ready');
    await eventually('its executor', async () => (await limits()).length === 1);
  }, 2 * PATIENCE_MS);

  afterAll(async () => {
    await server.user.delete(`/clusters/${id}`);
    await server.user.until(id, 'stopped', 'failed');
    await server.close();
    await core.deleteNamespace({ name: namespace });
    directory.remove();
  }, PATIENCE_MS);

  /** Of executors that run, what their pods ask for, MiB. */
  const limits = async (): Promise<(number | null)[]> => {
    const { items } = await core.listNamespacedPod({
      namespace,
      labelSelector: `aglais.org/cluster=${id},aglais.org/role=executor`
    });
    const running = items.filter(
      ({ status, metadata }) => status?.phase === 'Running' && !metadata?.deletionTimestamp
    );
    return running.map(({ spec }) =>
      quantityMiB(spec!.containers[0]!.resources!.limits!['memory'] ?? null)
    );
  };
  const resize = <T = ResizeAnswer>(shape: Shape) =>
    server.user.post<T>(`/clusters/${id}/resize`, { shape });
  const warned = (words: RegExp) => (cluster: Cluster) =>
    cluster.warnings.some(warning => words.test(warning));

  /** Whoever asked, the panel, the database and Kubernetes say that nothing was changed, also a while later. */
  const expectRefusal = async (shape: Shape, words: RegExp): Promise<void> => {
    const before = await limits();
    const answer = await resize<Problem>(shape);
    expect(answer).toMatchObject({
      status: 409,
      body: { type: expect.stringMatching(/resize-refused/), detail: expect.stringMatching(words) }
    });
    console.log(answer.body.detail);
    await eventually('the warning', async () => warned(words)(await server.user.cluster(id)));
    await sleep(SEVERAL_SWEEPS_MS);
    expect(await server.user.cluster(id)).toMatchObject({ state: 'ready', shape: SMALL });
    expect(await limits()).toEqual(before);
  };

  it(
    'because of a quota changes nothing and says so, and is not tried again, also once there is room',
    async () => {
      // Less than what is used: nothing may grow.
      await core.createNamespacedResourceQuota({
        namespace,
        body: { metadata: { name: NAME }, spec: { hard: { 'limits.memory': '1Mi' } } }
      });
      await eventually('the quota', async () => {
        const { status } = await core.readNamespacedResourceQuota({ namespace, name: NAME });
        return status?.used?.['limits.memory'];
      });
      await expectRefusal(LARGER, /exceeded quota.*Nothing was changed/);
      await expectRefusal(MORE, /exceeded quota.*Nothing was changed/);
      await core.deleteNamespacedResourceQuota({ namespace, name: NAME });
      await sleep(SEVERAL_SWEEPS_MS);
      expect((await server.user.cluster(id)).shape).toEqual(SMALL);
      expect(await limits()).toEqual([executorLimitMiB(SMALL)]);
    },
    PATIENCE_MS
  );

  it(
    'because of a LimitRange changes nothing and says so, and is granted once that is gone',
    async () => {
      const max = { memory: `${executorLimitMiB(SMALL) + 64}Mi` };
      await core.createNamespacedLimitRange({
        namespace,
        body: { metadata: { name: NAME }, spec: { limits: [{ type: 'Container', max }] } }
      });
      await expectRefusal(LARGER, /maximum memory usage per Container.*Nothing was changed/);
      await core.deleteNamespacedLimitRange({ namespace, name: NAME });
      const answer = await eventually('the larger size', async () => {
        const given = await resize(LARGER);
        return given.status === 200 && given.body;
      });
      expect(answer).toMatchObject({ shape: LARGER, lost: null });
      await eventually('no warning', async () => {
        const { warnings } = await server.user.cluster(id);
        return warnings.length === 0;
      });
      expect(await limits()).toEqual([executorLimitMiB(LARGER)]);
    },
    PATIENCE_MS
  );
});
