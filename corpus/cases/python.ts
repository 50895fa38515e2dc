import type { Family } from '../src/case.js';
import { advises, atLeast, costs, exactly, says } from './checks.js';

/** Python workers that die, and Python code that fails. */
export const python: Family = {
  name: 'python',
  cases: [
    {
      name: 'python-killed-for-memory',
      happens: 'a user function exceeds the memory of its executor; Linux kills the Python workers',
      quick: true,
      needs: ['memory cgroups'],
      cells: [
        {
          name: 'a',
          ends: 'error',
          code: `def greedy(frames):
    for frame in frames:
        hold = []
        for _ in range(200):
            hold.append(bytearray(b"x") * (16 << 20))
            time.sleep(0.02)
        yield frame
spark.range(0, 2, 1, 2).mapInPandas(greedy, "id long").count()`
        },
        { name: 'next', code: `spark.range(100).count()` }
      ],
      expected: [
        {
          code: 'python-worker-died',
          cell: 'a',
          severity: 'error',
          confidence: 'certain',
          figures: finding =>
            atLeast('deaths', finding.count, 4) ?? costs(finding) ?? advises(finding, 'resize')
        }
      ]
    },
    {
      name: 'python-killed-by-signal',
      happens: 'a Python worker gets SIGKILL once; Spark retries the task, and the cell succeeds',
      needs: ['memory cgroups'],
      cells: [
        {
          name: 'a',
          code: `def slow(frames):
    for frame in frames:
        time.sleep(2)
        yield frame
assert spark.range(0, 6, 1, 6).mapInPandas(slow, "id long").count() == 6`
        }
      ],
      async during(run) {
        await run.executors(2);
        await run.tasksRunning('a', 1);
        await run.signalPythonWorkers(await run.busyExecutor(), 'SIGKILL');
      },
      expected: [
        {
          code: 'python-worker-died',
          cell: 'a',
          severity: 'warning',
          confidence: 'certain',
          figures: finding =>
            exactly('deaths', finding.count, 1) ??
            costs(finding) ??
            says(finding, /no OOM kill was counted/)
        }
      ]
    },
    {
      name: 'python-met-its-limit',
      happens: 'a user function needs more than spark.executor.pyspark.memory',
      properties: { 'spark.executor.pyspark.memory': '1800m' },
      cells: [
        {
          name: 'a',
          ends: 'error',
          code: `def greedy(frames):
    for frame in frames:
        hold = bytearray(3 << 30)
        yield frame
spark.range(0, 2, 1, 2).mapInPandas(greedy, "id long").count()`
        }
      ],
      expected: [
        {
          code: 'python-worker-died',
          cell: 'a',
          severity: 'error',
          confidence: 'certain',
          figures: finding => says(finding, /1\.8 GiB/) ?? advises(finding, 'set')
        }
      ]
    },
    {
      name: 'python-limit-too-small',
      happens: 'spark.executor.pyspark.memory is too small for Python to load its libraries',
      properties: { 'spark.executor.pyspark.memory': '300m' },
      cells: [
        {
          name: 'a',
          ends: 'error',
          code: `def same(frames):
    yield from frames
spark.range(0, 2, 1, 2).mapInPandas(same, "id long").count()`
        }
      ],
      expected: [
        {
          code: 'python-worker-died',
          cell: 'a',
          severity: 'error',
          confidence: 'certain',
          figures: finding => says(finding, /300 MiB/) ?? advises(finding, 'set')
        }
      ]
    },
    {
      name: 'mistake-in-a-function',
      happens: 'a user function raises an error in every attempt',
      quick: true,
      cells: [
        {
          name: 'a',
          ends: 'error',
          code: `@F.udf("double")
def parallax_to_parsec(parallax):
    return 1000 / parallax
spark.range(0, 100, 1, 2).select(parallax_to_parsec("id").alias("d")).agg(F.sum("d")).collect()`
        },
        { name: 'next', code: `spark.range(100).count()` }
      ],
      expected: [
        {
          code: 'task-failed',
          cell: 'a',
          severity: 'error',
          confidence: 'certain',
          figures: finding =>
            says(finding, /ZeroDivisionError/) ?? says(finding, /division by zero/)
        }
      ]
    },
    {
      name: 'mistake-in-a-query',
      happens: 'a query divides by zero',
      cells: [
        {
          name: 'a',
          ends: 'error',
          code: `spark.range(0, 100, 1, 2).selectExpr("sum(1 div (id - 50))").collect()`
        }
      ],
      expected: [
        {
          code: 'task-failed',
          cell: 'a',
          severity: 'error',
          confidence: 'certain',
          figures: finding => says(finding, /DIVIDE_BY_ZERO|[Dd]ivision by zero/)
        }
      ]
    },
    {
      name: 'mistake-once',
      happens: 'a user function raises an error in one attempt and not in the next',
      cells: [
        {
          name: 'a',
          code: `def flaky(frames):
    import os
    for frame in frames:
        marker = directory + "/failed"
        if frame.id.iloc[0] == 0 and not os.path.exists(marker):
            open(marker, "w").close()
            time.sleep(0.5)
            raise OSError("the archive did not answer")
        yield frame
assert spark.range(0, 6, 1, 6).mapInPandas(flaky, "id long").count() == 6`
        }
      ],
      expected: [
        {
          code: 'task-retries',
          cell: 'a',
          severity: 'warning',
          confidence: 'certain',
          figures: finding =>
            exactly('failures', finding.count, 1) ??
            says(finding, /the archive did not answer/) ??
            costs(finding)
        }
      ]
    }
  ]
};
