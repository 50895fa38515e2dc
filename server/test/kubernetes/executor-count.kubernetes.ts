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
    'executors are added to and removed from a running Spark, without a restart',
    async () => {
      const launcher = capacity.launcher();
      const of = (count: number) => ({ ...SMALL, executors: { min: count, max: count } });
      await launcher.start(specOf('count', { shape: of(1) }));
      const { url, ca } = await ready(launcher, 'count');
      const endpoint = { url: url!, ca, token: specOf('count').token };
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
      const pods = () => executorPods(capacity, 'count');
      await eventually('one executor pod', async () => (await pods()).length === 1);
      expect((await runPython(endpoint, 'print(spark.range(7).count())')).stdout.trim()).toBe('7');
      await launcher.stop('count');
      expect(await capacity.traces('count')).toEqual([]);
    },
    3 * PATIENCE_MS
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
      await launcher.start(specOf('wide', { shape: of(1) }));
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
});
