import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { V1Pod } from '@kubernetes/client-node';
import type { Notebook } from '../support/notebook.js';
import { eventually, PATIENCE_MS, SMALL } from '../support/server.js';
import { expectFailedStart } from './failed-start.js';
import { openStoryRoom, type StoryRoom } from './story-setting.js';

// The others are in stories.long.kubernetes.ts.

/** Stars of the sample catalogue (catalogues/bigsky.yaml). */
const STARS = 981_853;

/** More than a worker may use, in each attempt. */
const HUNGRY = `
def hungry(frames):
    for frame in frames:
        hoard = [b"x" * (16 << 20) for _ in range(40)]
        yield frame
print(spark.range(0, 1, 1, 1).mapInPandas(hungry, "id long").count())`;

/** Reports which ports of the drivers an executor can connect to. */
const knocks = (hosts: readonly string[]) => `
def knock(frames):
    import pandas, socket
    def answers(host, port):
        try:
            socket.create_connection((host, port), 3).close()
            return True
        except OSError:
            return False
    for frame in frames:
        yield pandas.DataFrame({"open": [f"{host} {port}" for host in ${JSON.stringify(hosts)}
            for port in (7078, 7079, 8444, 15002) if answers(host, port)]})
for row in spark.range(0, 1, 1, 1).mapInPandas(knock, "open string").collect():
    print(row.open)`;

/** A broadcast that fits into the driver's heap but not into the container in addition to everything else. */
const LARGE = `
small = spark.range(0, 3_000_000, 1, 4).selectExpr("id", "repeat(uuid(), 3) as text")
print(spark.range(10).join(small.hint("broadcast"), "id").count())`;

describe('Under its cell is reported', () => {
  let capacity: StoryRoom;

  beforeAll(async () => {
    capacity = await openStoryRoom({
      dataDirectory: '/data',
      volumes: [
        {
          name: 'catalogues',
          mountPath: '/data/catalogues',
          source: { hostPath: process.env.AGLAIS_NODE_CATALOGUES }
        }
      ],
      // Little overhead: a driver with a full heap exceeds its limit.
      driver: { cpu: { request: '100m' }, overheadMiB: 96 },
      network: {
        kernels: [{ podSelector: { matchLabels: { app: 'notebook' } } }],
        server: [{ podSelector: { matchLabels: { app: 'aglais' } } }]
      }
    });
  }, PATIENCE_MS);
  afterAll(() => capacity.close(), PATIENCE_MS);

  it(
    'an OOM-killed driver; the other notebook is not affected, and its own gets a new driver',
    async () => {
      const [one, two] = await Promise.all([capacity.notebook(), capacity.notebook()]);
      const count = 'spark.table("bigsky.source").where("source_id is not null").count()';
      const counts = async (notebook: Notebook, cell: string) => {
        const { status, result, error, shown } = await notebook.run(cell, count);
        expect({ status, result, error }).toEqual({
          ...{ status: 'ok', result: String(STARS), error: '' }
        });
        return shown.join('\n');
      };
      await Promise.all([one, two].map(notebook => counts(notebook, 'count')));
      const [first, second] = [await capacity.clusterOf(one), await capacity.clusterOf(two)];

      // Each can connect to its own driver, and to nothing of the other's.
      const hosts = [await capacity.driver(first), await capacity.driver(second)].map(
        ({ status }) => status!.podIP!
      );
      for (const [notebook, own] of [
        [one, hosts[0]],
        [two, hosts[1]]
      ] as const) {
        const { text } = await notebook.run('knock', knocks(hosts));
        const open = text.trim().split('\n');
        expect(open).toContain(`${own} 7078`);
        expect(open.filter(place => !place.startsWith(`${own} `))).toEqual([]);
      }

      await one.run('view', 'kept = 42; spark.range(3).createOrReplaceTempView("three")');
      const failed = await one.run('large', LARGE);
      expect(failed.status).toBe('error');
      expect(failed.error).toMatch(
        /Spark was lost while this cell was using it: .*memory limit.*Python variables are kept/
      );
      expect(failed.seconds).toBeLessThan(60);
      const cluster = await eventually('its end', async () => {
        const now = await capacity.server.user.cluster(first);
        return now.state === 'failed' && now;
      });
      expect(cluster.reason).toMatch(
        /reached its memory limit of 608 MiB \(OOMKilled\).*more driver memory.*variables are kept/
      );
      const finding = await capacity.found(first, 'driver-oom-killed:cell:4:large');
      expect(finding).toMatchObject({
        confidence: 'certain',
        severity: 'error',
        subject: { cell: 'large' }
      });
      expect(finding.evidence).toContainEqual(
        expect.objectContaining({ source: 'container', quote: 'OOMKilled' })
      );
      await capacity.compare(first, 'driver-over-its-limit');
      await counts(two, 'count');

      const said = await counts(one, 'count');
      expect(said).toMatch(/The previous Spark cluster has ended: .*\nLost: temporary view three/);
      expect((await one.run('kept', 'print(kept)')).text).toBe('42\n');
      const next = await capacity.clusterOf(one);
      expect(next).not.toBe(first);
      await Promise.all([capacity.stop(next), capacity.stop(second)]);
      for (const id of [next, second]) expect(await capacity.findings(id)).toEqual([]);
    },
    4 * PATIENCE_MS
  );

  it(
    'an unschedulable executor, with what it needs and what is available, until it is scheduled',
    async () => {
      const large = { ...SMALL, executorMemoryMiB: 2_048 };
      const { body } = await capacity.server.user.get<{ totalMiB: number }>('/capacity');
      expect(body.totalMiB).toBe(16_000);
      const leave = await capacity.stranger('tenant', 1, (await capacity.freeMiB()) - 1_500);
      await eventually('the tenant', async () => {
        const pod = await capacity.core.readNamespacedPod({
          name: 'tenant',
          namespace: capacity.namespace
        });
        return pod.status?.phase === 'Running';
      });
      const id = await capacity.spark('crowded', large);
      const cell = capacity.prints(id, 'waits', 'print(spark.range(0, 9, 1, 2).count())');
      const finding = await eventually('what the cell waits for', async () =>
        (await capacity.findings(id)).find(one => one.id === 'cluster-pending:cell:1:waits')
      );
      expect(finding).toMatchObject({ confidence: 'certain', severity: 'warning' });
      expect(finding.explanation).toMatch(/It needs 2\.3 GiB; the largest free node has \d+ MiB/);
      expect((await capacity.server.user.cluster(id)).waitingFor).toMatch(
        /an executor: it needs 2\.3 GiB; the largest free node has \d+ MiB/
      );
      await leave();
      expect(await cell).toBe('9');
      await capacity.stop(id, 'executor-waits');
    },
    2 * PATIENCE_MS
  );

  it(
    'an OOM-killed worker; its container gets more memory in place, and the same job succeeds',
    async () => {
      const id = await capacity.spark('raise');
      const running = async () =>
        (await capacity.executors(id)).filter(({ status }) => status?.phase === 'Running');
      expect((await capacity.cell(id, 'hungry', HUNGRY)).code).not.toBe(0);
      const died = await capacity.found(
        id,
        'python-worker-died:cell:1:hungry',
        /executor limit 768 MiB/
      );
      expect(died.severity).toBe('error');
      const [before] = await running();
      const larger = { ...SMALL, executorOverheadMiB: SMALL.executorOverheadMiB + 1_024 };
      const answer = await capacity.server.user.post(`/clusters/${id}/resize`, { shape: larger });
      expect(answer).toMatchObject({ status: 200, body: { state: 'ready', shape: larger } });
      expect(await capacity.prints(id, 'hungry', HUNGRY)).toBe('1');
      const [after] = await running();
      const container = (pod?: V1Pod) => {
        const { containerID, restartCount } = pod!.status!.containerStatuses![0]!;
        return { containerID, restartCount };
      };
      expect(container(after)).toEqual(container(before));
      const told = /killer killed the Python workers of 4 task attempts.*executor limit 768 MiB/;
      await capacity.stop(id, 'worker-over-its-limit');
      expect((await capacity.found(id, 'python-worker-died:cell:1:hungry', told)).confidence).toBe(
        'certain'
      );
    },
    2 * PATIENCE_MS
  );
});

describe('While the notebook waits is reported', () => {
  it(
    'an image that does not exist',
    () =>
      expectFailedStart(
        'image-missing',
        { image: { name: 'aglais.invalid/nothing:1', pullPolicy: 'Never' } },
        'image-failed',
        /image aglais\.invalid\/nothing:1 could not be pulled.*ErrImageNeverPull/
      ),
    PATIENCE_MS
  );
});
