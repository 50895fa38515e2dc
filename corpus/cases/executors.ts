import type { Family } from '../src/case.js';
import { atLeast, costs, exactly } from './checks.js';

/** Tasks of about a second each in Python, after a shuffle that they depend on. */
const SLOW_AFTER_SHUFFLE = `def slow(frames):
    for frame in frames:
        time.sleep(1)
        yield frame
shuffled = spark.range(0, 4_000, 1, 6).repartition(8, "id")
assert shuffled.mapInPandas(slow, "id long").count() == 4_000`;

/** AQE would coalesce small partitions and leave no time for fault injection. */
const AS_PLANNED = { 'spark.sql.adaptive.enabled': 'false' };

/** Executors that end: OOM-killed, out of heap, terminated, crashed. */
export const executors: Family = {
  name: 'executors',
  cases: [
    {
      name: 'executor-killed-for-memory',
      happens:
        'executors sort off-heap and exceed their memory limit; Linux kills them until the cell fails',
      needs: ['memory cgroups'],
      shape: { executorOverheadMiB: 128 },
      properties: {
        'spark.memory.offHeap.enabled': 'true',
        'spark.memory.offHeap.size': '2g'
      },
      cells: [
        {
          name: 'a',
          ends: 'error',
          code: `rows = spark.range(0, 1_000_000, 1, 2).selectExpr("hash(id) k", "repeat(string(id), 200) s")
rows.sortWithinPartitions("k").write.format("noop").mode("overwrite").save()`
        }
      ],
      expected: [
        {
          code: 'executor-oom-killed',
          cell: 'a',
          severity: 'error',
          confidence: 'certain',
          figures: finding => atLeast('kills', finding.count, 4) ?? costs(finding)
        }
      ]
    },
    {
      name: 'executor-killed-once',
      happens:
        'another process in an executor’s container uses up the memory, Linux kills the executor, and the cell succeeds after recomputing work',
      quick: true,
      needs: ['memory cgroups'],
      properties: AS_PLANNED,
      cells: [{ name: 'a', code: SLOW_AFTER_SHUFFLE }],
      async during(run) {
        await run.executors(2);
        await run.tasksRunning('a', 8);
        await run.exhaustMemoryOf(await run.busyExecutor());
      },
      expected: [
        {
          code: 'executor-oom-killed',
          cell: 'a',
          severity: 'warning',
          confidence: 'certain',
          figures: finding => exactly('kills', finding.count, 1) ?? costs(finding)
        }
      ]
    },
    {
      name: 'executor-heap-full',
      happens: 'tasks collect long lists until the Java heap of their executors is full',
      cells: [
        {
          name: 'a',
          ends: 'error',
          code: `spark.range(0, 4_000_000, 1, 4).selectExpr("id % 2 k", "concat(repeat('x', 200), id) s").groupBy("k").agg(
    F.collect_list("s").alias("l")).selectExpr("k", "size(l) n").collect()`
        },
        { name: 'next', code: `spark.range(100).count()` }
      ],
      expected: [
        {
          code: 'executor-heap-oom',
          cell: 'a',
          severity: 'error',
          confidence: 'certain',
          figures: finding => atLeast('failures', finding.count, 4) ?? costs(finding)
        }
      ]
    },
    {
      name: 'executor-terminated',
      happens: 'a busy executor gets SIGTERM; the cell succeeds',
      properties: AS_PLANNED,
      cells: [{ name: 'a', code: SLOW_AFTER_SHUFFLE }],
      async during(run) {
        await run.executors(2);
        await run.tasksRunning('a', 8);
        await run.signalExecutor(await run.busyExecutor(), 'SIGTERM');
      },
      expected: [
        {
          code: 'executor-lost',
          cell: 'a',
          severity: 'warning',
          confidence: 'likely',
          figures: finding => exactly('losses', finding.count, 1) ?? costs(finding)
        }
      ]
    },
    {
      name: 'executor-killed-by-signal',
      happens: 'a busy executor gets SIGKILL; its cgroup counts no OOM kill',
      needs: ['memory cgroups'],
      properties: AS_PLANNED,
      cells: [{ name: 'a', code: SLOW_AFTER_SHUFFLE }],
      async during(run) {
        await run.executors(2);
        await run.tasksRunning('a', 8);
        await run.signalExecutor(await run.busyExecutor(), 'SIGKILL');
      },
      expected: [
        {
          code: 'executor-lost',
          cell: 'a',
          severity: 'warning',
          confidence: 'likely',
          figures: finding => exactly('losses', finding.count, 1) ?? costs(finding)
        }
      ]
    },
    {
      name: 'executor-crashed',
      happens: 'the JVM of an executor crashes with a segmentation fault',
      properties: AS_PLANNED,
      cells: [{ name: 'a', code: SLOW_AFTER_SHUFFLE }],
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
        }
      ]
    },
    {
      name: 'executor-lost-under-two-cells',
      happens: 'an executor crashes while two cells have tasks on it',
      properties: AS_PLANNED,
      shape: { executors: { min: 1, max: 1 }, executorCores: 4, executorOverheadMiB: 768 },
      cells: [
        {
          name: 'a',
          code: `def slow_a(frames):
    for frame in frames:
        time.sleep(2)
        yield frame
assert spark.range(0, 8, 1, 8).mapInPandas(slow_a, "id long").count() == 8`
        },
        {
          name: 'b',
          together: true,
          code: `def slow_b(frames):
    for frame in frames:
        time.sleep(2)
        yield frame
assert spark.range(0, 8, 1, 8).mapInPandas(slow_b, "id long").count() == 8`
        }
      ],
      async during(run) {
        await run.until('both cells to have running tasks', () =>
          ['a', 'b'].every(cell => run.progress(cell).tasks.running > 0)
        );
        await run.signalExecutor(await run.busyExecutor(), 'SIGSEGV');
      },
      expected: [
        { code: 'executor-lost', cell: 'a', severity: 'warning', confidence: 'certain' },
        { code: 'executor-lost', cell: 'b', severity: 'warning', confidence: 'certain' }
      ]
    },
    {
      name: 'executor-frozen',
      happens: 'a busy executor is frozen (SIGSTOP), so it sends no heartbeats',
      properties: {
        ...AS_PLANNED,
        'spark.network.timeout': '12s',
        'spark.network.timeoutInterval': '1s',
        'spark.storage.blockManagerHeartbeatTimeoutMs': '8s',
        'spark.storage.blockManagerTimeoutIntervalMs': '1s',
        'spark.executor.heartbeatInterval': '1s'
      },
      cells: [{ name: 'a', code: SLOW_AFTER_SHUFFLE }],
      async during(run) {
        await run.executors(2);
        await run.tasksRunning('a', 8);
        await run.signalExecutor(await run.busyExecutor(), 'SIGSTOP');
      },
      expected: [
        {
          code: 'executor-heartbeat-timeout',
          cell: 'a',
          severity: 'warning',
          confidence: 'certain',
          figures: finding => exactly('losses', finding.count, 1) ?? costs(finding)
        }
      ]
    }
  ]
};
