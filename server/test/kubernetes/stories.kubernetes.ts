import type { ChildProcess } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { V1Pod } from '@kubernetes/client-node';
import { startPython } from '../support/connect.js';
import type { Notebook } from '../support/notebook.js';
import { eventually, PATIENCE_MS, SMALL } from '../support/server.js';
import { openStoryRoom, type StoryRoom } from './story-setting.js';

/** Stars of the sample catalogue (catalogues/bigsky.yaml). */
const STARS = 981_853;
const SCRATCH_MIB = 100;

/** A first attempt does it; the next one passes. */
const once = (what: string) => `
def unlucky(frames):
    import os, time
    from pyspark import TaskContext
    if TaskContext.get().attemptNumber() == 0:
${what.replace(/^/gm, '        ')}
    yield from frames
print(spark.range(0, 40, 1, 1).mapInPandas(unlucky, "id long").count())`;

/** Many small helpers: the largest process of the container is Java, which the kernel then takes. */
const FORKS = `
for _ in range(14):
    if os.fork() == 0:
        hoard = b"x" * (48 << 20)
        time.sleep(300)
        os._exit(0)
time.sleep(300)`.trim();

const FILLS_THE_SCRATCH = `
with open(os.environ["SPARK_LOCAL_DIRS"].split(",")[0] + "/mine", "wb") as file:
    file.write(b"x" * (${2 * SCRATCH_MIB} << 20))
time.sleep(300)`.trim();

const SLEEPS = 'time.sleep(300)';

/** More than a worker may have, in each attempt. */
const HUNGRY = `
def hungry(frames):
    for frame in frames:
        hoard = [b"x" * (16 << 20) for _ in range(40)]
        yield frame
print(spark.range(0, 1, 1, 1).mapInPandas(hungry, "id long").count())`;

/** Says which ports of the drivers an executor can reach. */
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

/** A broadcast that fits into the driver's heap and not into the container beside all else. */
const LARGE = `
small = spark.range(0, 3_000_000, 1, 4).selectExpr("id", "repeat(uuid(), 3) as text")
print(spark.range(10).join(small.hint("broadcast"), "id").count())`;

describe('Under the cell is named', () => {
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
      scratch: { kind: 'disk', sizeMiB: SCRATCH_MIB },
      // Little beside the heap: a driver whose heap is full is over its limit.
      driver: { cpu: { request: '100m' }, overheadMiB: 96 },
      network: {
        kernels: [{ podSelector: { matchLabels: { app: 'notebook' } } }],
        server: [{ podSelector: { matchLabels: { app: 'aglais' } } }]
      }
    });
  }, PATIENCE_MS);
  afterAll(() => capacity.close(), PATIENCE_MS);

  it(
    'a driver that the kernel killed for memory; the notebook beside it goes on, and its own gets another',
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

      // Through the network each reaches its own driver, and nothing of the other's.
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
        /Spark went away while this cell used it: .*memory limit.*Python variables are kept/
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
      expect(said).toMatch(/The earlier Spark is gone: .*\nLost: temporary view three/);
      expect((await one.run('kept', 'print(kept)')).text).toBe('42\n');
      const next = await capacity.clusterOf(one);
      expect(next).not.toBe(first);
      await Promise.all([capacity.stop(next), capacity.stop(second)]);
      for (const id of [next, second]) expect(await capacity.findings(id)).toEqual([]);
    },
    4 * PATIENCE_MS
  );

  describe('although the cell succeeds', () => {
    let id: string;
    const succeeds = async (cell: string, what: string) =>
      expect(await capacity.prints(id, cell, once(what))).toBe('40');

    beforeAll(async () => {
      id = await capacity.spark('lucky');
    }, PATIENCE_MS);
    afterAll(() => capacity.stop(id, 'executors-lost'), PATIENCE_MS);

    it(
      'an executor that the kernel killed for memory',
      async () => {
        await succeeds('forks', FORKS);
        const killed = await capacity.found(
          id,
          'executor-oom-killed:cell:1:forks',
          /This cell succeeded, but executor \d was killed by the Linux OOM killer \(limit 768 MiB/
        );
        expect(killed).toMatchObject({ confidence: 'certain', severity: 'warning' });
        expect(killed.evidence).toContainEqual(
          expect.objectContaining({ source: 'container', quote: 'OOMKilled' })
        );
      },
      3 * PATIENCE_MS
    );

    it(
      'an executor that wrote more than its scratch holds',
      async () => {
        await succeeds('fills', FILLS_THE_SCRATCH);
        const evicted = await capacity.found(
          id,
          'executor-evicted:cell:1:fills',
          /This cell succeeded, but .*evicted from its node.*spark-local-dir-1.*100Mi/
        );
        expect(evicted).toMatchObject({ confidence: 'certain', severity: 'warning' });
      },
      3 * PATIENCE_MS
    );

    it(
      'an executor that had to make room for somebody more important',
      async () => {
        const cell = succeeds('pushed', SLEEPS);
        await eventually('its first task', async () =>
          (await capacity.server.user.cluster(id)).stages.some(({ tasks }) => tasks.running > 0)
        );
        // For memory: of pods that were kept away by the affinity of another, the scheduler of 1.35 thinks again only after
        // five minutes.
        const leave = await capacity.stranger('important', 50, (await capacity.freeMiB()) + 300);
        expect(await capacity.found(id, 'executor-preempted:cell:1:pushed')).toMatchObject({
          confidence: 'certain'
        });
        await leave();
        await cell;
        const preempted = await capacity.found(
          id,
          'executor-preempted:cell:1:pushed',
          /This cell succeeded, but executor \d was preempted by a pod of higher priority/
        );
        expect(preempted.severity).toBe('warning');
      },
      3 * PATIENCE_MS
    );
  });

  it(
    'that no node takes an executor, with what it needs and what there is, until one does',
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
    'that a worker died for memory; more of it is given to the same container, and the same job passes',
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
      const told =
        /killer killed the Python workers of 4 task attempts.*executor limit 768 MiB/;
      await capacity.stop(id, 'worker-over-its-limit');
      expect((await capacity.found(id, 'python-worker-died:cell:1:hungry', told)).confidence).toBe(
        'certain'
      );
    },
    2 * PATIENCE_MS
  );
});

describe('While the notebook waits is named', () => {
  const waits = async (
    name: string,
    config: object,
    code: 'image-failed' | 'mount-failed',
    words: RegExp
  ): Promise<void> => {
    const capacity = await openStoryRoom(config, { AGLAIS_START_SECONDS: '20' });
    try {
      const { id } = await capacity.server.user.request('waits');
      const finding = await capacity.found(id, `${code}:application`, words);
      expect(finding).toMatchObject({ confidence: 'certain', severity: 'error' });
      const over = await eventually('its end', async () => {
        const now = await capacity.server.user.cluster(id);
        return now.state === 'failed' && now;
      });
      expect(over.reason).toMatch(/did not start within 20 seconds.*Ask the operator/);
      await eventually('that it is gone', async () => {
        const { items } = await capacity.core.listNamespacedPod({ namespace: capacity.namespace });
        return items.length === 0;
      });
      await eventually(
        'that all is on record',
        async () => (await capacity.server.user.cluster(id)).stoppedAt
      );
      expect((await capacity.findings(id)).map(one => one.code)).toEqual([code]);
      await capacity.compare(id, name);
    } finally {
      await capacity.close();
    }
  };

  it(
    'an image that is not there',
    () =>
      waits(
        'image-missing',
        { image: { name: 'aglais.invalid/nothing:1', pullPolicy: 'Never' } },
        'image-failed',
        /image aglais\.invalid\/nothing:1 could not be pulled.*ErrImageNeverPull/
      ),
    PATIENCE_MS
  );

  it(
    'a claim that does not exist',
    () =>
      waits(
        'claim-missing',
        { volumes: [{ name: 'gaia', mountPath: '/data', source: { claim: 'gaia-dr3' } }] },
        'mount-failed',
        /volume claim gaia-dr3 does not exist/i
      ),
    PATIENCE_MS
  );

  it(
    'a folder that the node does not have',
    () =>
      waits(
        'folder-missing',
        { volumes: [{ name: 'gaia', mountPath: '/data', source: { hostPath: '/nowhere/gaia' } }] },
        'mount-failed',
        /volume share-gaia cannot be mounted.*\/nowhere\/gaia is not a directory/i
      ),
    PATIENCE_MS
  );
});

describe('Executors that end before Spark has met them', () => {
  it.each<
    [string, 'executor-lost' | 'executor-oom-killed', Record<string, string>, RegExp, RegExp]
  >([
    [
      'executors-without-java',
      'executor-lost',
      { 'spark.executor.extraJavaOptions': '-XX:+UseSerialGC -XX:+UseG1GC' },
      /\d+ executors \(.*\) ended with exit code 1 before it registered with the driver/,
      /Multiple garbage collectors selected/
    ],
    [
      'executors-too-small',
      'executor-oom-killed',
      // It wins over what Spark says, and takes all of its heap before anything else.
      { 'spark.executorEnv._JAVA_OPTIONS': '-Xms2g -Xmx2g -XX:+AlwaysPreTouch' },
      /\d+ executors \(.*\) were killed by the Linux OOM killer before it registered with the driver \(limit \d+ MiB/,
      /^OOMKilled$/
    ]
  ])(
    'are one finding under the cell that waits for them: %s',
    async (name, code, properties, words, quote) => {
      const capacity = await openStoryRoom({ properties });
      const children: ChildProcess[] = [];
      try {
        const id = await capacity.spark('waits');
        const report = { cell: 'waits', run: 1, outcome: 'running', at: Date.now() };
        await capacity.server.user.post(`/clusters/${id}/cell-runs`, report);
        // Nobody waits for its end: a client asks for minutes whether its Spark comes back.
        const cell = startPython(
          await capacity.server.user.endpoint(id),
          'spark.addTag("aglais-cell:1:waits")\nspark.range(0, 9, 1, 2).count()'
        );
        children.push(cell.child);
        const finding = await eventually('a loop of deaths', async () => {
          const found = await capacity.findings(id);
          const one = found.find(placed => placed.id === `${code}:cell:1:waits`);
          return one && one.count >= 4 && one.effects.length > 0 && one;
        });
        expect(finding.severity).toBe('warning');
        // Where the cell began late, those that had died before are the application's.
        const others = (await capacity.findings(id)).filter(placed => placed.id !== finding.id);
        expect(others.filter(placed => placed.id !== `${code}:application`)).toEqual([]);
        expect(finding.explanation).toMatch(words);
        expect(finding.evidence.map(one => one.quote).join('\n')).toMatch(
          new RegExp(quote.source, 'm')
        );
        expect(finding.effects.join()).toMatch(/waits for executors.*no task has started/);
        await capacity.stop(id, name);
      } finally {
        for (const child of children) child.kill('SIGKILL');
        await capacity.close();
      }
    },
    2 * PATIENCE_MS
  );
});
