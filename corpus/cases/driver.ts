import { setTimeout as sleep } from 'node:timers/promises';
import type { Family } from '../src/case.js';
import { atLeast, says } from './checks.js';

/** Failures of the driver, and of queries and results in it. */
export const driver: Family = {
  name: 'driver',
  cases: [
    {
      name: 'result-too-large',
      happens: 'more is collected than spark.driver.maxResultSize allows; the next cell works',
      quick: true,
      properties: { 'spark.driver.maxResultSize': '10m' },
      cells: [
        {
          name: 'a',
          ends: 'error',
          code: `spark.range(0, 400_000, 1, 4).withColumn("s", F.sha2(F.col("id").cast("string"), 256)).collect()`
        },
        { name: 'next', code: `spark.range(100).count()` }
      ],
      expected: [
        {
          code: 'result-too-large',
          cell: 'a',
          severity: 'error',
          confidence: 'certain',
          figures: finding => says(finding, /10 MiB/)
        }
      ]
    },
    {
      name: 'broadcast-too-large',
      happens: 'a broadcast table is larger than Spark allows',
      properties: { 'spark.sql.maxBroadcastTableSize': '1m' },
      cells: [
        {
          name: 'a',
          ends: 'error',
          code: `small = spark.range(0, 200_000, 1, 2).withColumn("s", F.sha2(F.col("id").cast("string"), 256))
spark.range(0, 1_000).join(F.broadcast(small), "id").count()`
        }
      ],
      expected: [
        { code: 'broadcast-too-large', cell: 'a', severity: 'error', confidence: 'certain' }
      ]
    },
    {
      name: 'broadcast-too-slow',
      happens: 'a broadcast times out',
      properties: { 'spark.sql.adaptive.enabled': 'false', 'spark.sql.broadcastTimeout': '3' },
      cells: [
        {
          name: 'a',
          ends: 'error',
          code: `def slow(frames):
    for frame in frames:
        time.sleep(8)
        yield frame
small = spark.range(0, 100, 1, 1).mapInPandas(slow, "id long")
spark.range(0, 1_000).join(F.broadcast(small), "id").count()`
        }
      ],
      expected: [
        { code: 'broadcast-too-large', cell: 'a', severity: 'error', confidence: 'certain' }
      ]
    },
    {
      name: 'driver-heap-full',
      happens: 'the driver builds a broadcast table that does not fit in its heap, and exits',
      shape: { driverMemoryMiB: 512 },
      properties: { 'spark.driver.maxResultSize': '0' },
      cells: [
        {
          name: 'a',
          ends: 'error',
          code: `large = spark.range(0, 5_000_000, 1, 8).withColumn("s", F.sha2(F.col("id").cast("string"), 512))
spark.range(0, 1_000).join(F.broadcast(large), "id").count()`
        }
      ],
      expected: [{ code: 'driver-heap-oom', cell: 'a', severity: 'error', confidence: 'certain' }]
    },
    {
      name: 'driver-killed',
      happens: 'the driver is killed (SIGKILL) in the middle of a cell',
      cells: [
        {
          name: 'a',
          ends: 'error',
          code: `def slow(frames):
    for frame in frames:
        time.sleep(1)
        yield frame
spark.range(0, 60, 1, 60).mapInPandas(slow, "id long").count()`
        }
      ],
      async during(run) {
        await run.tasksRunning('a', 2);
        run.signalDriver('SIGKILL');
      },
      expected: [
        {
          code: 'session-lost',
          cell: 'a',
          severity: 'error',
          confidence: 'likely',
          figures: finding => says(finding, /while 1 job was running/)
        }
      ]
    },
    {
      name: 'no-capacity-for-executors',
      happens:
        'executors are requested with more cores than any worker has; the cell waits until it is interrupted',
      properties: { 'spark.executor.cores': '4' },
      cells: [{ name: 'a', ends: 'cancelled', code: `spark.range(100).count()` }],
      async during(run) {
        await run.until('the job', () => run.progress('a').jobs.total > 0);
        await run.until('the finding, while it hangs', () =>
          run.diagnosis.findings().some(({ severity }) => severity === 'warning')
        );
        await sleep(35_000);
        run.interrupt('a');
      },
      expected: [
        {
          code: 'cluster-pending',
          cell: 'a',
          severity: 'info',
          confidence: 'certain',
          figures: ({ cost }) => atLeast('ms of waiting', cost?.wallMs ?? 0, 60_000)
        }
      ]
    }
  ]
};
