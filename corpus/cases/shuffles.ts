import type { Family } from '../src/case.js';
import { atLeast, costs, exactly } from './checks.js';

const SLOW = `def slow(frames):
    for frame in frames:
        time.sleep(1)
        yield frame
`;

/** Shuffle output that is lost, and work that is recomputed because of it. */
export const shuffles: Family = {
  name: 'shuffles',
  cases: [
    {
      name: 'shuffle-files-gone',
      happens:
        'shuffle files are deleted while tasks read them; no executor is lost, the cell succeeds',
      properties: { 'spark.sql.adaptive.enabled': 'false', 'spark.shuffle.io.maxRetries': '1' },
      cells: [
        {
          name: 'a',
          code: `${SLOW}t = spark.range(0, 4_000, 1, 4).repartition(10, "id")
assert t.mapInPandas(slow, "id long").count() == 4_000`
        }
      ],
      async during(run) {
        await run.executors(2);
        await run.tasksRunning('a', 7);
        await run.removeShuffleFiles();
      },
      expected: [
        {
          code: 'shuffle-fetch-failed',
          cell: 'a',
          severity: 'warning',
          confidence: 'likely',
          figures: finding => atLeast('failed fetches', finding.count, 1) ?? costs(finding)
        }
      ]
    },
    {
      name: 'idle-executor-had-output',
      happens:
        'an idle executor is removed although a join still needs its shuffle output, which is recomputed; the cell succeeds',
      properties: {
        'spark.sql.autoBroadcastJoinThreshold': '-1',
        'spark.dynamicAllocation.enabled': 'true',
        'spark.dynamicAllocation.shuffleTracking.enabled': 'true',
        'spark.dynamicAllocation.shuffleTracking.timeout': '2s',
        'spark.dynamicAllocation.initialExecutors': '2',
        'spark.dynamicAllocation.minExecutors': '1',
        'spark.dynamicAllocation.maxExecutors': '2',
        'spark.dynamicAllocation.executorIdleTimeout': '12s'
      },
      cells: [
        {
          name: 'a',
          code: `${SLOW}def very_slow(frames):
    for frame in frames:
        time.sleep(45)
        yield frame
left = spark.range(0, 8, 1, 8).mapInPandas(slow, "id long")
right = spark.range(0, 1_000, 1, 1).mapInPandas(very_slow, "id long")
assert left.join(right, "id").count() == 8`
        }
      ],
      expected: [
        {
          code: 'stage-recomputed',
          cell: 'a',
          severity: 'warning',
          confidence: 'certain',
          figures: finding => atLeast('tasks', finding.count, 1) ?? costs(finding)
        }
      ]
    },
    {
      name: 'order-could-have-changed',
      happens:
        'an executor crashes after it shuffled rows in nondeterministic order: the result may be inconsistent',
      properties: {
        'spark.sql.adaptive.enabled': 'false',
        'spark.sql.execution.sortBeforeRepartition': 'false'
      },
      cells: [
        {
          name: 'a',
          code: `${SLOW}t = spark.range(0, 4_000, 1, 4).withColumn("r", F.rand()).repartition(10)
assert t.mapInPandas(slow, "id long, r double").repartition(3).count() == 4_000`
        }
      ],
      async during(run) {
        await run.executors(2);
        await run.tasksRunning('a', 8);
        await run.signalExecutor(await run.busyExecutor(), 'SIGSEGV');
      },
      expected: [
        {
          code: 'executor-lost',
          cell: 'a',
          severity: 'warning',
          confidence: 'certain',
          figures: finding => exactly('losses', finding.count, 1) ?? costs(finding)
        },
        {
          code: 'nondeterministic-retry-risk',
          cell: 'a',
          severity: 'warning',
          confidence: 'likely'
        }
      ]
    },
    {
      name: 'disk-full',
      happens: 'the disk on which executors keep shuffle files is full; the cell fails',
      needs: ['small disks'],
      scratchMiB: 32,
      cells: [
        {
          name: 'a',
          ends: 'error',
          code: `t = spark.range(0, 3_000_000, 1, 8).withColumn("s", F.sha2(F.col("id").cast("string"), 256))
t.repartition(8, "s").agg(F.max("s")).collect()`
        },
        { name: 'next', code: `spark.range(100).count()` }
      ],
      expected: [{ code: 'disk-full', cell: 'a', severity: 'error', confidence: 'certain' }]
    }
  ]
};
