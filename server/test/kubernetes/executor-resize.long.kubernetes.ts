import type { V1Pod } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ResizeIncomplete } from '../../src/launchers/launcher.js';
import { runPython } from '../support/connect.js';
import { eventually, PATIENCE_MS, SMALL } from '../support/server.js';
import { executorPods, ready, specOf } from './cluster-setting.js';
import { openRoom, type KubernetesRoom } from './testbed-setting.js';

describe('On Kubernetes', () => {
  let capacity: KubernetesRoom;

  beforeAll(async () => {
    capacity = await openRoom();
  }, PATIENCE_MS);
  afterAll(() => capacity.close(), PATIENCE_MS);

  it(
    'a running Spark switches to another range of executors, and to a number',
    async () => {
      // By default idle executors are removed after a minute; here it is shorter.
      const properties = { 'spark.aglais.executorIdleTimeout': '5s' };
      const launcher = capacity.launcherWith({ properties });
      const of = (min: number, max = min) => ({ ...SMALL, executors: { min, max } });
      await launcher.start(specOf('range', { shape: of(1, 2) }));
      const { url, ca } = await ready(launcher, 'range');
      const endpoint = { url: url!, ca, token: specOf('range').token };
      const resized = async (min: number, max = min) =>
        eventually(`${min} to ${max} executors`, () =>
          launcher.resize('range', of(min, max)).catch((error: unknown) => {
            if (error instanceof ResizeIncomplete) return false;
            throw error;
          })
        );
      const pods = () => executorPods(capacity, 'range');
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
      await eventually('one executor, without work', async () => (await pods()).length === 1);
      expect(await resized(1, 3)).toBe('live');
      expect(await used(12, 12)).toBe(3);
      expect(await resized(2)).toBe('live');
      await eventually('two executors', async () => (await pods()).length === 2);
      expect(await used(6, 4)).toBe(2);
      expect(await pods()).toHaveLength(2);
      expect(await resized(1, 4)).toBe('live');
      await eventually('one executor again', async () => (await pods()).length === 1);
      await launcher.stop('range');
      expect(await capacity.traces('range')).toEqual([]);
    },
    4 * PATIENCE_MS
  );

  it(
    'a Python job that was OOM-killed succeeds on the same executor once its limit is raised',
    async () => {
      const launcher = capacity.launcher();
      await launcher.start(specOf('raise'));
      const { url, ca } = await ready(launcher, 'raise');
      const endpoint = { url: url!, ca, token: specOf('raise').token };
      const hungry = `
def hungry(frames):
    for frame in frames:
        hoard = [b"x" * (16 << 20) for _ in range(40)]
        yield frame
print(spark.range(0, 1, 1, 1).mapInPandas(hungry, "id long").count())`;
      const failed = await runPython(endpoint, hungry);
      expect(failed.code).not.toBe(0);
      const executors = () => executorPods(capacity, 'raise');
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
});
