import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { readObservation, type PodObservation } from '@aglais/diagnosis';
import { CoreV1Api, type KubeConfig, type V1Pod } from '@kubernetes/client-node';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { KubernetesEvidence } from '../../src/launchers/kubernetes/evidence/kubernetes-evidence.js';
import { ListWatch } from '../../src/launchers/kubernetes/api/list-watch.js';
import { eventually, temporaryDirectory } from '../support/server.js';
import {
  EAT_MEMORY,
  executorPod,
  testCluster,
  testNamespace,
  wayTo,
  type TestNamespace
} from './api-server.js';

const PATIENCE_MS = 120_000;
const log = pino({ level: 'silent' });

describe('A list-watch on a real API server', () => {
  let kubeConfig: KubeConfig;
  let image: string;
  let api: CoreV1Api;
  let namespace: TestNamespace;
  let way: Awaited<ReturnType<typeof wayTo>>;
  let place: ReturnType<typeof temporaryDirectory>;
  let evidence: KubernetesEvidence;
  let pods: ListWatch<V1Pod>;

  beforeAll(async () => {
    ({ kubeConfig, image } = testCluster());
    api = kubeConfig.makeApiClient(CoreV1Api);
    namespace = await testNamespace(api);
  }, PATIENCE_MS);
  afterAll(() => namespace.remove(), PATIENCE_MS);

  beforeEach(async () => {
    place = temporaryDirectory();
    evidence = new KubernetesEvidence({ directory: place.path, log });
    way = await wayTo(kubeConfig);
    pods = new ListWatch<V1Pod>({
      kubeConfig: way.kubeConfig,
      path: `/api/v1/namespaces/${namespace.name}/pods`,
      labelSelector: 'aglais.org/cluster=c1',
      log,
      onChange: pod => evidence.pod('c1', pod)
    });
    await pods.open();
  });
  afterEach(async () => {
    await pods.close();
    await evidence.close();
    way.close();
    place.remove();
    await api.deleteCollectionNamespacedPod({ namespace: namespace.name, gracePeriodSeconds: 0 });
  });

  const create = (id: string, script: string) =>
    api.createNamespacedPod({
      namespace: namespace.name,
      body: executorPod(id, image, script, '64Mi')
    });
  const phase = async (id: string) => {
    const pod = await api.readNamespacedPod({
      namespace: namespace.name,
      name: `app-exec-${id}`
    });
    return pod.status?.phase;
  };
  const ends = () =>
    readFileSync(join(place.path, 'c1', 'evidence.jsonl'), 'utf8')
      .split('\n')
      .map(line => readObservation(line))
      .filter((one): one is PodObservation => typeof one !== 'string' && one.kind === 'pod')
      .filter(one => one.ends.length > 0);

  it(
    'records the OOM kill of an executor during an outage of the API server',
    async () => {
      const { metadata } = await create('1', `sleep 4; ${EAT_MEMORY}`);
      await eventually(
        'the pod runs',
        () => pods.items.get(metadata!.uid!)?.status?.phase === 'Running',
        PATIENCE_MS
      );
      way.open(false);
      await eventually('its death', async () => (await phase('1')) === 'Failed', PATIENCE_MS);
      expect(pods.items.get(metadata!.uid!)?.status?.phase).toBe('Running');
      await sleep(2_000);
      way.open(true);
      await eventually(
        'its death here',
        () => pods.items.get(metadata!.uid!)?.status?.phase === 'Failed',
        PATIENCE_MS
      );
      await eventually('the record', () => evidence.podRecorded('c1', metadata!.uid!), PATIENCE_MS);
      expect(ends().at(-1)).toMatchObject({
        name: 'app-exec-1',
        executor: '1',
        limitMiB: 64,
        ends: [{ container: 'spark-kubernetes-executor', exitCode: 137, reason: 'OOMKilled' }]
      });
      // It resumed where it was.
      expect(pods.traffic.lists).toBe(1);
      expect(pods.traffic.failures).toBeGreaterThan(2);
    },
    2 * PATIENCE_MS
  );

  it(
    'misses no exit and no deletion however often its watch is cut',
    async () => {
      const gone: string[] = [];
      const watching = new ListWatch<V1Pod>({
        kubeConfig: way.kubeConfig,
        path: `/api/v1/namespaces/${namespace.name}/pods`,
        log,
        onDelete: pod => void gone.push(pod.metadata!.uid!)
      });
      await watching.open();
      const cutting = setInterval(() => way.cut(), 150);
      const created = await Promise.all(
        ['1', '2', '3', '4', '5'].map(id => create(id, `sleep ${id}; exit 5${id}`))
      );
      const uids = created.map(({ metadata }) => metadata!.uid!);
      await eventually(
        'all records',
        () =>
          uids.every(
            uid =>
              pods.items.get(uid)?.status?.phase === 'Failed' && evidence.podRecorded('c1', uid)
          ),
        PATIENCE_MS
      );
      const codes = new Set(ends().flatMap(one => one.ends.map(({ exitCode }) => exitCode)));
      expect([...codes].sort()).toEqual([51, 52, 53, 54, 55]);
      for (const id of ['1', '2', '3', '4', '5']) {
        const name = `app-exec-${id}`;
        await api.deleteNamespacedPod({ namespace: namespace.name, name, gracePeriodSeconds: 0 });
      }
      await eventually('all deletions', () => gone.length === 5, PATIENCE_MS);
      clearInterval(cutting);
      expect([...gone].sort()).toEqual([...uids].sort());
      expect(pods.traffic.failures).toBeGreaterThan(5);
      await watching.close();
    },
    2 * PATIENCE_MS
  );
});
