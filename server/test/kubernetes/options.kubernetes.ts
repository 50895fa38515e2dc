import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { CapacityReport, Cluster, Problem } from '@aglais/protocol';
import { PatchStrategy, setHeaderOptions, type V1Pod } from '@kubernetes/client-node';
import { eventually, PATIENCE_MS } from '../support/server.js';
import { openStoryRoom, type StoryRoom } from './story-setting.js';

/** As an operator labels the nodes of a pool. */
const LABEL = 'aglais.org/test-pool';
const POOL = randomBytes(4).toString('hex');

describe('An option with a node pool', () => {
  let capacity: StoryRoom;
  let node: string;

  /** Null removes the label. */
  const label = (to: string | null) =>
    capacity.core.patchNode(
      { name: node, body: { metadata: { labels: { [LABEL]: to } } } },
      setHeaderOptions('Content-Type', PatchStrategy.MergePatch)
    );
  const ask = (kernel: string, options: string[]) =>
    capacity.server.user.post<Cluster & Problem>('/clusters', {
      ...{ kernel, notebook: `${kernel}.ipynb`, options }
    });

  beforeAll(async () => {
    capacity = await openStoryRoom({
      options: {
        pool: {
          title: 'The large pool',
          description: 'Nodes with much memory.',
          nodeSelector: { [LABEL]: POOL },
          tolerations: [{ key: LABEL, operator: 'Exists', effect: 'NoSchedule' }],
          properties: { 'spark.aglais.test': 'pool' }
        }
      }
    });
    node = (await capacity.core.listNode()).items[0]!.metadata!.name!;
  }, PATIENCE_MS);
  afterAll(async () => {
    await label(null);
    await capacity.close();
  }, PATIENCE_MS);

  it(
    'is offered, refused while the pool is empty, and places executors on its nodes afterwards; a restart keeps it',
    async () => {
      const { body } = await capacity.server.user.get<CapacityReport>('/capacity');
      expect(body.options).toEqual([
        { name: 'pool', title: 'The large pool', description: 'Nodes with much memory.' }
      ]);
      const unknown = await ask('pooled', ['gpu']);
      expect(unknown).toMatchObject({ status: 409 });
      expect(unknown.body.detail).toMatch(
        /no option "gpu" here. Offered are: "pool" \(The large pool\)/
      );
      const none = await ask('pooled', ['pool']);
      expect(none).toMatchObject({ status: 409 });
      expect(none.body.detail).toMatch(
        /No machine of this Kubernetes cluster offers.*The large pool/
      );
      expect(
        (await capacity.core.listNamespacedPod({ namespace: capacity.namespace })).items
      ).toEqual([]);

      await label(POOL);
      // Data about nodes may be some seconds old.
      const asked = await eventually('that a node is seen to be in it', async () => {
        const answer = await ask('pooled', ['pool']);
        return answer.status === 201 && answer.body;
      });
      expect(asked.options).toEqual(['pool']);
      await capacity.server.user.until(asked.id, 'ready');
      const count = 'print(spark.range(9).count(), spark.conf.get("spark.aglais.test"))';
      expect(await capacity.prints(asked.id, 'count', count)).toBe('9 pool');
      const selector = ({ spec }: V1Pod) => spec?.nodeSelector?.[LABEL];
      const [executor] = await capacity.executors(asked.id);
      expect([selector(executor!), selector(await capacity.driver(asked.id))]).toEqual([
        POOL,
        undefined
      ]);
      expect(executor!.spec!.tolerations).toContainEqual(
        expect.objectContaining({ key: LABEL, operator: 'Exists' })
      );

      const again = await capacity.server.user.post<Cluster>(`/clusters/${asked.id}/restart`, {});
      expect(again).toMatchObject({ status: 201, body: { options: ['pool'] } });
      await capacity.server.user.until(again.body.id, 'ready');
      expect(await capacity.prints(again.body.id, 'count', count)).toBe('9 pool');

      // The last node leaves the pool: later executors are pending, with a reason.
      await label(null);
      const [old] = await capacity.executors(again.body.id);
      await capacity.core.deleteNamespacedPod({
        ...{ name: old!.metadata!.name!, namespace: capacity.namespace, gracePeriodSeconds: 0 }
      });
      const waits = await eventually('what executors wait for', async () => {
        const { waitingFor } = await capacity.server.user.cluster(again.body.id);
        return /do not match its node selector/.test(waitingFor ?? '') && waitingFor;
      });
      expect(waits).toMatch(/a place for an executor/);
      await capacity.stop(again.body.id);
    },
    4 * PATIENCE_MS
  );
});
