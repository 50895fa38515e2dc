import type { Family } from '../src/case.js';
import { healthy } from './healthy-shared.js';

/** Healthy runs with settings or interference that need their own cluster. */
export const healthyOwnCluster: Family = {
  name: 'healthy-own-cluster',
  cases: [
    healthy({
      name: 'cancelled',
      happens: 'a cell is interrupted with the stop button, and the next one succeeds',
      cells: [
        {
          name: 'stopped',
          ends: 'cancelled',
          code: `def slow(frames):
    for frame in frames:
        time.sleep(1)
        yield frame
spark.range(0, 40, 1, 40).mapInPandas(slow, "id long").count()`
        },
        { name: 'next', code: `spark.range(100).count()` }
      ],
      async during(run) {
        await run.tasksRunning('stopped', 3);
        run.interrupt('stopped');
      }
    }),
    healthy({
      name: 'dynamic-allocation',
      happens: 'executors are added when needed and removed when idle, twice',
      properties: {
        'spark.dynamicAllocation.enabled': 'true',
        'spark.dynamicAllocation.shuffleTracking.enabled': 'true',
        'spark.dynamicAllocation.shuffleTracking.timeout': '2s',
        'spark.dynamicAllocation.minExecutors': '0',
        'spark.dynamicAllocation.maxExecutors': '2',
        'spark.dynamicAllocation.executorIdleTimeout': '2s'
      },
      cells: [
        {
          name: 'first',
          code: `spark.range(0, 2_000_000, 1, 8).groupBy(F.col("id") % 10).count().collect(); time.sleep(12)`
        },
        { name: 'second', code: `spark.range(0, 2_000_000, 1, 8).agg(F.sum("id")).collect()` }
      ],
      async during(run) {
        await run.until('executors to be removed', () =>
          run.diagnosis.executors().some(({ state }) => state === 'lost')
        );
      }
    }),
    healthy({
      name: 'decommissioned',
      happens: 'idle executors with cached tables are decommissioned',
      properties: {
        'spark.dynamicAllocation.enabled': 'true',
        // Their shuffle output is migrated instead.
        'spark.dynamicAllocation.shuffleTracking.enabled': 'false',
        'spark.dynamicAllocation.minExecutors': '1',
        'spark.dynamicAllocation.initialExecutors': '2',
        'spark.dynamicAllocation.maxExecutors': '2',
        'spark.dynamicAllocation.executorIdleTimeout': '2s',
        'spark.decommission.enabled': 'true',
        'spark.storage.decommission.enabled': 'true',
        'spark.storage.decommission.shuffleBlocks.enabled': 'true',
        'spark.storage.decommission.rddBlocks.enabled': 'true'
      },
      cells: [
        {
          name: 'first',
          code: `spark.range(0, 1_000_000, 1, 8).agg(F.sum("id")).collect(); time.sleep(10)`
        },
        { name: 'second', code: `spark.range(0, 1_000_000, 1, 8).agg(F.sum("id")).collect()` }
      ],
      async during(run) {
        await run.until('executors to be removed', () =>
          run.diagnosis.executors().some(({ state }) => state === 'lost')
        );
      }
    }),
    healthy({
      name: 'speculation',
      // Spark starts no speculative attempt on the host of the first one, so on one machine it only looks for slow tasks.
      happens: 'speculation is enabled, and tasks have uneven durations',
      properties: {
        'spark.speculation': 'true',
        'spark.speculation.multiplier': '1.1',
        'spark.speculation.quantile': '0.2',
        'spark.speculation.interval': '100ms'
      },
      cells: [
        {
          name: 'a',
          code: `def uneven(frames):
    for frame in frames:
        time.sleep(0.2 + 0.2 * (frame.id.iloc[0] % 5))
        yield frame
spark.range(0, 16, 1, 16).mapInPandas(uneven, "id long").count()`
        }
      ]
    }),
    healthy({
      name: 'two-tasks-at-once',
      happens: 'one executor with two cores runs Python and SQL, far below its memory limit',
      shape: { executors: { min: 1, max: 1 }, executorCores: 2, executorMemoryMiB: 768 },
      cells: [
        {
          name: 'a',
          code: `def busy(frames):
    for frame in frames:
        hold = bytearray(40 << 20)
        yield frame
spark.range(0, 400_000, 1, 8).mapInPandas(busy, "id long").groupBy(F.col("id") % 9).count().collect()`
        }
      ]
    }),
    healthy({
      name: 'no-cells',
      happens: 'a cluster is started and stopped without running a cell',
      cells: [],
      during: () => Promise.resolve()
    }),
    healthy({
      name: 'stopped-while-running',
      happens: 'the user stops Spark while a cell shuffles',
      cells: [
        {
          name: 'a',
          code: `def slow(frames):
    for frame in frames:
        time.sleep(1)
        yield frame
t = spark.range(0, 60, 1, 20).repartition(20, "id").mapInPandas(slow, "id long")
try:
    t.groupBy("id").count().collect()
except Exception:
    pass`
        }
      ],
      async during(run) {
        await run.tasksRunning('a', 25);
        run.signalDriver('SIGTERM');
      }
    })
  ]
};
