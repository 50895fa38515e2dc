import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { V1Pod } from '@kubernetes/client-node';
import { executorTemplate } from '../../src/launchers/kubernetes/objects/executor-template.js';
import { ResizeIncomplete, type ClusterSpec, type Launcher } from '../../src/launchers/launcher.js';
import { KubernetesConfig } from '../../src/launchers/kubernetes/kubernetes-config.js';
import { sharePath } from '../../src/launchers/kubernetes/objects/share-volumes.js';
import { catalogueSql } from '../../src/shares/catalogue-sql.js';
import { readShares } from '../../src/shares/declarations.js';
import { launcherContract } from '../launcher.contract.js';
import { runPython } from '../support/connect.js';
import { eventually, PATIENCE_MS, SMALL } from '../support/server.js';
import { openRoom, type KubernetesRoom } from './testbed-setting.js';

const checkout = resolve(import.meta.dirname, '../../..');

describe('The Kubernetes launcher', () => {
  // The kernel's counters stay on the node: the pod's status shows why a container ended.
  launcherContract(() => openRoom(), { limits: true, counts: false });
});

describe('On Kubernetes', () => {
  let capacity: KubernetesRoom;
  const spec = (id: string, more: Partial<ClusterSpec> = {}): ClusterSpec => ({
    id,
    shape: SMALL,
    token: `only-for-${id}`,
    catalogue: [],
    ...more
  });
  const waitsFor = (launcher: Launcher, id: string, words: RegExp) =>
    eventually(`${id} waiting for ${String(words)}`, async () => {
      const seen = await launcher.observe(id);
      return seen && words.test(seen.waitingFor ?? '') && seen;
    });

  const ready = (launcher: Launcher, id: string) =>
    eventually(`${id} ready`, async () => {
      const seen = await launcher.observe(id);
      if (seen?.state === 'exited') throw new Error(seen.exit ?? 'it ended');
      return seen?.state === 'ready' && seen;
    });

  beforeAll(async () => {
    capacity = await openRoom();
  }, PATIENCE_MS);
  afterAll(() => capacity.close(), PATIENCE_MS);

  it(
    'a driver that is unschedulable reports what it needs and what is available',
    async () => {
      const launcher = capacity.launcher();
      const shape = { ...SMALL, driverMemoryMiB: 900_000 };
      await launcher.start(spec('huge', { shape }));
      const seen = await waitsFor(launcher, 'huge', /place for the driver/);
      expect(seen.waitingFor).toMatch(/needs 879\.\d GiB; the largest free node has \d/);
      expect(seen.advice).toMatch(/fewer or smaller/);
      await launcher.stop('huge');
      expect(await capacity.traces('huge')).toEqual([]);
    },
    PATIENCE_MS
  );

  it(
    'an image that does not exist is named',
    async () => {
      const image = { name: 'aglais.invalid/nothing:1', pullPolicy: 'Never' };
      const launcher = capacity.launcherWith({ image });
      await launcher.start(spec('no-image'));
      const seen = await waitsFor(launcher, 'no-image', /image/);
      expect(seen.waitingFor).toMatch(/ErrImageNeverPull.*aglais\.invalid\/nothing:1/);
      await launcher.stop('no-image');
    },
    PATIENCE_MS
  );

  it(
    'a claim that does not exist is named',
    async () => {
      const volumes = [{ name: 'gaia', mountPath: '/data', source: { claim: 'gaia-dr3' } }];
      const launcher = capacity.launcherWith({ volumes });
      await launcher.start(spec('no-claim'));
      const seen = await waitsFor(launcher, 'no-claim', /claim/);
      expect(seen.waitingFor).toBe('the volume claim "gaia-dr3", which does not exist');
      await launcher.stop('no-claim');
    },
    PATIENCE_MS
  );

  it(
    'a driver whose pod was deleted has ended, with the reason',
    async () => {
      const launcher = capacity.launcher();
      await launcher.start(spec('deleted'));
      await capacity.core.deleteNamespacedPod({
        name: 'aglais-deleted',
        namespace: capacity.namespace
      });
      const seen = await eventually('its end', async () => {
        const now = await launcher.observe('deleted');
        return now?.state === 'exited' && now.exit?.includes('deleted by somebody') && now;
      });
      expect(seen.exit).toContain("Your notebook's variables are kept");
      await launcher.stop('deleted');
      expect(await capacity.traces('deleted')).toEqual([]);
    },
    PATIENCE_MS
  );

  it(
    'two clusters are isolated, and pending executors are reported while one is running',
    async () => {
      const launcher = capacity.launcher();
      const crowded = { ...SMALL, executors: { min: 2, max: 2 }, executorMemoryMiB: 900_000 };
      await Promise.all([
        launcher.start(spec('one')),
        launcher.start(spec('two', { shape: crowded }))
      ]);
      const [one, two] = await Promise.all([ready(launcher, 'one'), ready(launcher, 'two')]);
      expect(one.ca).not.toBe(two.ca);
      const reached = { url: one.url!, ca: one.ca, token: spec('one').token };
      expect((await runPython(reached, 'print(spark.range(7).count())')).stdout.trim()).toBe('7');
      // The token of the other one is rejected.
      const stranger = { ...reached, token: spec('two').token };
      expect((await runPython(stranger, 'spark.range(7).count()')).stderr).toMatch(
        /UNAUTHENTICATED|Invalid authentication token/
      );
      expect((await waitsFor(launcher, 'two', /executors/)).waitingFor).toMatch(
        /needs 879\.\d GiB for each of 2 executors; the largest free node has/
      );
      await Promise.all([launcher.stop('one'), launcher.stop('two')]);
      expect([...(await capacity.traces('one')), ...(await capacity.traces('two'))]).toEqual([]);
    },
    PATIENCE_MS
  );

  it(
    'a Python job that was OOM-killed succeeds on the same executor once its limit is raised',
    async () => {
      const launcher = capacity.launcher();
      await launcher.start(spec('raise'));
      const { url, ca } = await ready(launcher, 'raise');
      const endpoint = { url: url!, ca, token: spec('raise').token };
      const hungry = `
def hungry(frames):
    for frame in frames:
        hoard = [b"x" * (16 << 20) for _ in range(40)]
        yield frame
print(spark.range(0, 1, 1, 1).mapInPandas(hungry, "id long").count())`;
      const failed = await runPython(endpoint, hungry);
      expect(failed.code).not.toBe(0);
      const executors = async () =>
        (
          await capacity.core.listNamespacedPod({
            namespace: capacity.namespace,
            labelSelector: 'aglais.org/cluster=raise,aglais.org/role=executor'
          })
        ).items.filter(({ status }) => status?.phase === 'Running');
      const [before] = await eventually('an executor', async () => {
        const all = await executors();
        return all.length > 0 && all;
      });
      const larger = { ...SMALL, executorOverheadMiB: SMALL.executorOverheadMiB + 1_024 };
      const begun = Date.now();
      expect(await launcher.resize('raise', larger)).toBe('live');
      console.log(`the limit was in force after ${Date.now() - begun} ms`);
      const id = before!.metadata!.labels!['spark-exec-id']!;
      expect(await capacity.limitMiB('raise', id)).toBe(SMALL.executorMemoryMiB + 1_280);
      const passed = await runPython(endpoint, hungry);
      expect(passed).toMatchObject({ code: 0, stdout: '1\n' });
      const [after] = await executors();
      const containerOf = (pod?: V1Pod) => pod?.status?.containerStatuses?.[0]?.containerID;
      expect(containerOf(after)).toBe(containerOf(before));
      expect(await launcher.resize('raise', { ...larger, executorCores: 2 })).toBe(
        'restart-needed'
      );
      // Spark creates new ones with the old size; they get the new one.
      await capacity.kill('raise', { executor: id });
      const next = await eventually('the next executor', async () =>
        (await executors()).find(({ metadata }) => metadata?.uid !== before!.metadata?.uid)
      );
      const nextId = next.metadata!.labels!['spark-exec-id']!;
      await eventually(
        'its limit',
        async () => (await capacity.limitMiB('raise', nextId)) === SMALL.executorMemoryMiB + 1_280
      );
      await launcher.stop('raise');
    },
    2 * PATIENCE_MS
  );

  it(
    'executors are added to and removed from a running Spark, without a restart',
    async () => {
      const launcher = capacity.launcher();
      const of = (count: number) => ({ ...SMALL, executors: { min: count, max: count } });
      await launcher.start(spec('count', { shape: of(1) }));
      const { url, ca } = await ready(launcher, 'count');
      const endpoint = { url: url!, ca, token: spec('count').token };
      // Longer than one request waits on a busy machine: a second one returns the current state.
      const resized = async (count: number) =>
        eventually(`${count} executors`, () =>
          launcher.resize('count', of(count)).catch((error: unknown) => {
            if (error instanceof ResizeIncomplete && /starting/.test(error.message)) return false;
            throw error;
          })
        );
      const begun = Date.now();
      expect(await resized(3)).toBe('live');
      console.log(`three executors instead of one after ${Date.now() - begun} ms`);
      const spread = `
import time
def where(frames):
    import os, pandas
    for frame in frames:
        time.sleep(2)
        yield pandas.DataFrame({"pod": [os.environ["SPARK_EXECUTOR_ID"]]})
print(spark.range(0, 3, 1, 3).mapInPandas(where, "pod string").distinct().count())
spark.range(0, 3000000, 1, 3).cache().count()`;
      expect((await runPython(endpoint, spread)).stdout.trim()).toBe('3');
      expect(await resized(1)).toEqual({ lost: expect.stringMatching(/2 executors.*cached data/) });
      const pods = async () =>
        (
          await capacity.core.listNamespacedPod({
            namespace: capacity.namespace,
            labelSelector: 'aglais.org/cluster=count,aglais.org/role=executor'
          })
        ).items.filter(({ status }) => status?.phase === 'Running');
      await eventually('one executor pod', async () => (await pods()).length === 1);
      expect((await runPython(endpoint, 'print(spark.range(7).count())')).stdout.trim()).toBe('7');
      await launcher.stop('count');
      expect(await capacity.traces('count')).toEqual([]);
    },
    3 * PATIENCE_MS
  );

  it(
    'a running Spark switches to another range of executors, and to a number',
    async () => {
      // By default idle executors are removed after a minute; here it is shorter.
      const properties = { 'spark.aglais.executorIdleTimeout': '5s' };
      const launcher = capacity.launcherWith({ properties });
      const of = (min: number, max = min) => ({ ...SMALL, executors: { min, max } });
      await launcher.start(spec('range', { shape: of(1, 2) }));
      const { url, ca } = await ready(launcher, 'range');
      const endpoint = { url: url!, ca, token: spec('range').token };
      const resized = async (min: number, max = min) =>
        eventually(`${min} to ${max} executors`, () =>
          launcher.resize('range', of(min, max)).catch((error: unknown) => {
            if (error instanceof ResizeIncomplete) return false;
            throw error;
          })
        );
      const pods = async () =>
        (
          await capacity.core.listNamespacedPod({
            namespace: capacity.namespace,
            labelSelector: 'aglais.org/cluster=range,aglais.org/role=executor'
          })
        ).items.filter(
          ({ status, metadata }) => status?.phase === 'Running' && !metadata?.deletionTimestamp
        ).length;
      /**
       * Executors that a job has used which could use many: its tasks take long enough for others to start meanwhile.
       */
      const used = async (tasks: number, seconds: number) => {
        const job = `
def where(frames):
    import os, time, pandas
    for frame in frames:
        time.sleep(${seconds})
        yield pandas.DataFrame({"id": [os.environ["SPARK_EXECUTOR_ID"]]})
# Without a shuffle: its output would keep executors from ending.
print(len({row.id for row in spark.range(0, ${tasks}, 1, ${tasks}).mapInPandas(where, "id string").collect()}))`;
        return Number((await runPython(endpoint, job)).stdout.trim());
      };
      expect(await used(6, 15)).toBe(2);
      await eventually('one executor, without work', async () => (await pods()) === 1);
      expect(await resized(1, 3)).toBe('live');
      expect(await used(12, 12)).toBe(3);
      expect(await resized(2)).toBe('live');
      await eventually('two executors', async () => (await pods()) === 2);
      expect(await used(6, 4)).toBe(2);
      expect(await pods()).toBe(2);
      expect(await resized(1, 4)).toBe('live');
      await eventually('one executor again', async () => (await pods()) === 1);
      await launcher.stop('range');
      expect(await capacity.traces('range')).toEqual([]);
    },
    4 * PATIENCE_MS
  );

  it(
    'more executors than fit are reported as pending, and can be cancelled',
    async () => {
      const launcher = capacity.launcher();
      const { machines } = await launcher.capacity();
      const largest = Math.max(...machines.map(({ memoryMiB }) => memoryMiB));
      // A node can run one of this size.
      const shape = { ...SMALL, executorOverheadMiB: Math.floor(largest * 0.55) };
      const of = (count: number) => ({ ...shape, executors: { min: count, max: count } });
      await launcher.start(spec('wide', { shape: of(1) }));
      await ready(launcher, 'wide');
      const tooMany = machines.reduce((sum, { count }) => sum + count, 0) + 1;
      await expect(launcher.resize('wide', of(tooMany))).rejects.toThrow(
        /executors are there\. Spark waits for a place.*the largest free node has/
      );
      expect((await launcher.observe('wide'))?.waitingFor).toMatch(/a place for an executor/);
      await eventually('one', () => launcher.resize('wide', of(1)).catch(() => false));
      await eventually('nothing to wait for', async () => {
        const seen = await launcher.observe('wide');
        return seen?.state === 'ready' && seen.waitingFor === null;
      });
      await launcher.stop('wide');
      expect(await capacity.traces('wide')).toEqual([]);
    },
    2 * PATIENCE_MS
  );

  it(
    'a start that was interrupted after its first object is resumed',
    async () => {
      const launcher = capacity.launcher();
      await capacity.calls.root(spec('half'), capacity.namespace);
      const seen = await eventually('what is left of it', () => launcher.observe('half'));
      expect(seen.state).toBe('interrupted');
      await launcher.start(spec('half'));
      expect((await launcher.observe('half'))?.state).toBe('starting');
      await launcher.stop('half');
      expect(await capacity.traces('half')).toEqual([]);
    },
    PATIENCE_MS
  );

  it(
    'a cluster of which only the first object was created is stopped, too',
    async () => {
      await capacity.calls.root(spec('orphan'), capacity.namespace);
      const launcher = capacity.launcher();
      await eventually('it', () => launcher.observe('orphan'));
      await launcher.stop('orphan');
      expect(await capacity.traces('orphan')).toEqual([]);
    },
    PATIENCE_MS
  );

  it(
    'a namespace that admits only restricted pods admits the executors that Spark creates',
    async () => {
      const { config, namespace } = capacity;
      const template = executorTemplate(spec('template'), config);
      const [container] = template.spec!.containers;
      const body: V1Pod = {
        ...template,
        metadata: { ...template.metadata, name: 'template' },
        spec: {
          ...template.spec,
          containers: [{ ...container!, image: config.image.name, args: ['executor'] }]
        }
      };
      const made = await capacity.core.createNamespacedPod({ namespace, body, dryRun: 'All' });
      expect(made.spec!.automountServiceAccountToken).toBe(false);
      const open = { ...body, spec: { ...body.spec!, hostNetwork: true } };
      await expect(
        capacity.core.createNamespacedPod({ namespace, body: open, dryRun: 'All' })
      ).rejects.toThrow(/violates PodSecurity/);
    },
    PATIENCE_MS
  );

  it(
    'the capacity is that of the nodes',
    async () => {
      const { memoryMiB, machines } = await capacity.launcher().capacity();
      expect(memoryMiB).toBeGreaterThan(1_024);
      expect(machines.length).toBeGreaterThan(0);
    },
    PATIENCE_MS
  );
});

describe('A share on Kubernetes', () => {
  let capacity: KubernetesRoom;
  // A hostPath volume is not admitted by `restricted`.
  beforeAll(async () => {
    capacity = await openRoom('privileged');
  }, PATIENCE_MS);
  afterAll(() => capacity.close(), PATIENCE_MS);

  it(
    'is read by a query, and cannot be written to',
    async () => {
      const hostPath = process.env.AGLAIS_NODE_CATALOGUES;
      const volumes = [{ name: 'data', mountPath: '/data/catalogues', source: { hostPath } }];
      const launcher = capacity.launcherWith({ volumes });
      const config = { ...capacity.config, volumes: KubernetesConfig.shape.volumes.parse(volumes) };
      const declared = await readShares(join(checkout, 'catalogues'), '/nowhere', share =>
        Promise.resolve(sharePath(config, share))
      );
      const bigsky = declared.find(({ share }) => share?.id === 'bigsky');
      expect(bigsky).toMatchObject({ problem: null, share: { path: '/data/catalogues/bigsky' } });
      const id = 'shared';
      const token = `only-for-${id}`;
      await launcher.start({ id, shape: SMALL, token, catalogue: catalogueSql(bigsky!.share!) });
      const { url, ca, shareProblems } = await eventually('it ready', async () => {
        const seen = await launcher.observe(id);
        return seen?.state === 'ready' && seen;
      });
      expect(shareProblems).toEqual([]);
      const endpoint = { url: url!, ca, token };
      const read = await runPython(endpoint, 'print(spark.table("bigsky.source").count())');
      expect(read.stdout.trim()).toBe('981853');
      const write = 'spark.range(1).write.parquet("/data/catalogues/mine")';
      expect((await runPython(endpoint, write)).stderr).toMatch(/Read-only|Mkdirs failed|denied/);
      await launcher.stop(id);
    },
    PATIENCE_MS
  );
});
