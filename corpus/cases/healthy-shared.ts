import type { Case, Family } from '../src/case.js';

const healthy = (one: Omit<Case, 'expected'>): Case => ({ ...one, expected: [] });

/** Runs in which nothing is wrong, on one cluster after each other. */
export const ordinary: Family = {
  name: 'ordinary',
  cases: [
    healthy({
      name: 'aggregation',
      happens: 'a million rows are grouped and summed up',
      quick: true,
      cells: [
        {
          name: 'a',
          code: `spark.range(0, 1_000_000, 1, 4).groupBy(F.col("id") % 100).agg(F.sum("id")).collect()`
        }
      ]
    }),
    healthy({
      name: 'empty-results',
      happens: 'queries find nothing: no rows, no partitions, an empty join, an empty aggregate',
      quick: true,
      cells: [
        { name: 'rows', code: `assert spark.range(1000).where("id < 0").collect() == []` },
        { name: 'partitions', code: `assert spark.range(0).count() == 0` },
        {
          name: 'join',
          code: `a = spark.range(100); assert a.join(spark.range(200, 300), "id").count() == 0`
        },
        { name: 'groups', code: `assert spark.range(0).groupBy("id").count().collect() == []` }
      ]
    }),
    healthy({
      name: 'tiny-jobs',
      happens: 'forty jobs of a few milliseconds each',
      quick: true,
      cells: [
        { name: 'a', code: `for i in range(40):\n    assert spark.range(i + 1).count() == i + 1` }
      ]
    }),
    healthy({
      name: 'big-shuffle',
      happens: 'a shuffle of some hundred megabytes that fits',
      cells: [
        {
          name: 'a',
          code: `wide = spark.range(0, 2_000_000, 1, 8).withColumn("text", F.sha2(F.col("id").cast("string"), 256))
wide.repartition(12, "text").groupBy(F.substring("text", 1, 3)).count().count()`
        }
      ]
    }),
    healthy({
      name: 'python-udf',
      happens: 'a function of Python for each row',
      quick: true,
      cells: [
        {
          name: 'a',
          code: `@F.udf("double")
def magnitude(flux):
    import math
    return -2.5 * math.log10(flux + 1)
spark.range(0, 40_000, 1, 4).select(magnitude("id").alias("m")).agg(F.avg("m")).collect()`
        }
      ]
    }),
    healthy({
      name: 'pandas-udf',
      happens: 'functions of pandas: by column, by partition and by group',
      cells: [
        {
          name: 'columns',
          code: `@F.pandas_udf("double")
def half(values: pd.Series) -> pd.Series:
    return values / 2
spark.range(0, 100_000, 1, 4).select(half("id").alias("h")).agg(F.max("h")).collect()`
        },
        {
          name: 'partitions',
          code: `def same(frames):
    yield from frames
spark.range(0, 100_000, 1, 4).mapInPandas(same, "id long").count()`
        },
        {
          name: 'groups',
          code: `def mean(frame):
    return pd.DataFrame({"k": [frame.k.iloc[0]], "m": [frame.id.mean()]})
keyed = spark.range(0, 20_000, 1, 4).withColumn("k", F.col("id") % 20)
assert keyed.groupBy("k").applyInPandas(mean, "k long, m double").count() == 20`
        }
      ]
    }),
    healthy({
      name: 'broadcast-join',
      happens: 'a large table is joined with a small one that is broadcast',
      quick: true,
      cells: [
        {
          name: 'a',
          code: `small = spark.range(100).withColumn("name", F.concat(F.lit("n"), "id"))
large = spark.range(0, 500_000, 1, 4).withColumn("k", F.col("id") % 100)
assert large.join(F.broadcast(small), large.k == small.id).count() == 500_000`
        }
      ]
    }),
    healthy({
      name: 'sort-merge-join',
      happens: 'two tables of the same size are joined by sorting, without adaptive execution',
      cells: [
        {
          name: 'a',
          code: `spark.conf.set("spark.sql.autoBroadcastJoinThreshold", "-1")
spark.conf.set("spark.sql.adaptive.enabled", "false")
a = spark.range(0, 300_000, 1, 4).withColumn("x", F.col("id") * 2)
b = spark.range(0, 300_000, 1, 4).withColumn("y", F.col("id") * 3)
assert a.join(b, "id").count() == 300_000`
        }
      ]
    }),
    healthy({
      name: 'skew-handled',
      happens: 'a skewed join whose large partition adaptive execution splits',
      cells: [
        {
          name: 'a',
          code: `for name, value in {
    "autoBroadcastJoinThreshold": "-1",
    "adaptive.skewJoin.skewedPartitionThresholdInBytes": "1m",
    "adaptive.skewJoin.skewedPartitionFactor": "2",
    "adaptive.advisoryPartitionSizeInBytes": "2m",
}.items():
    spark.conf.set(f"spark.sql.{name}", value)
a = spark.range(0, 600_000, 1, 8).selectExpr("if(id % 20 <> 0, 0, id % 1000) k", "sha2(string(id), 256) p")
b = spark.range(0, 1_000, 1, 2).selectExpr("id k", "repeat('z', 20) q")
a.join(b, "k").agg(F.sum(F.length("p"))).collect()`
        }
      ]
    }),
    healthy({
      name: 'cached',
      happens: 'a table that fits is cached, read three times and given back',
      cells: [
        {
          name: 'make',
          code: `kept = spark.range(0, 200_000, 1, 4).withColumn("r", F.rand(1)).cache(); kept.count()`
        },
        {
          name: 'use',
          code: `kept.agg(F.avg("r")).collect(); kept.groupBy(F.col("id") % 7).count().collect()`
        },
        { name: 'drop', code: `kept.unpersist(blocking=True); spark.range(10).count()` }
      ]
    }),
    healthy({
      name: 'uncached',
      happens: 'the same table is computed twice because nobody asked to keep it',
      cells: [
        {
          name: 'a',
          code: `t = spark.range(0, 300_000, 1, 4).withColumn("s", F.sha2(F.col("id").cast("string"), 256))
t.agg(F.max("s")).collect(); t.agg(F.min("s")).collect()`
        }
      ]
    }),
    healthy({
      name: 'parquet',
      happens: 'a table is written as Parquet, read again and filtered',
      quick: true,
      cells: [
        {
          name: 'write',
          code: `path = directory + "/stars"
spark.range(0, 200_000, 1, 4).withColumn("ra", F.rand(2) * 360).write.parquet(path)`
        },
        {
          name: 'read',
          code: `spark.read.parquet(path).where("ra < 10").agg(F.count("*")).collect()`
        }
      ]
    }),
    healthy({
      name: 'partitioned-table',
      happens: 'a table is written in a dozen folders and read by one of them',
      cells: [
        {
          name: 'write',
          code: `path = directory + "/by-cell"
keyed = spark.range(0, 60_000, 1, 4).withColumn("k", F.col("id") % 12)
keyed.repartition("k").write.partitionBy("k").parquet(path)`
        },
        { name: 'read', code: `assert spark.read.parquet(path).where("k = 3").count() == 5_000` }
      ]
    }),
    healthy({
      name: 'two-threads',
      happens: 'two cells work at the same time',
      quick: true,
      cells: [
        { name: 'a', code: `spark.range(0, 3_000_000, 1, 6).agg(F.sum(F.sqrt("id"))).collect()` },
        {
          name: 'b',
          code: `spark.range(0, 3_000_000, 1, 6).agg(F.sum(F.log1p("id"))).collect()`,
          together: true
        }
      ]
    }),
    healthy({
      name: 'caught-mistake',
      happens: "the user's code catches the error of a query that cannot be planned",
      quick: true,
      cells: [
        {
          name: 'a',
          code: `try:
    spark.sql("select * from no_such_table").collect()
    raise AssertionError("it was found")
except AssertionError:
    raise
except Exception:
    spark.range(5).count()`
        }
      ]
    }),
    healthy({
      name: 'caught-at-work',
      happens: "the user's code catches the error of a job that its own function made to fail",
      cells: [
        {
          name: 'a',
          code: `try:
    spark.range(10).select(F.raise_error(F.lit("no stars"))).collect()
    raise AssertionError("it did not fail")
except AssertionError:
    raise
except Exception:
    spark.range(5).count()`
        }
      ]
    }),
    healthy({
      name: 'streaming',
      happens: 'a stream of a few micro-batches is started and stopped',
      cells: [
        {
          name: 'a',
          code: `rate = spark.readStream.format("rate").option("rowsPerSecond", 50).load()
query = rate.groupBy(F.col("value") % 5).count().writeStream.format("noop").outputMode("complete") \\
    .option("checkpointLocation", directory + "/checkpoint").trigger(processingTime="1 second").start()
time.sleep(8)
assert query.exception() is None
query.stop()`
        }
      ]
    }),
    healthy({
      name: 'window',
      happens: 'rows are numbered within groups and sorted',
      cells: [
        {
          name: 'a',
          code: `from pyspark.sql import Window
w = Window.partitionBy("k").orderBy(F.desc("id"))
t = spark.range(0, 200_000, 1, 4).withColumn("k", F.col("id") % 50)
t.withColumn("n", F.row_number().over(w)).where("n <= 3").orderBy("k", "n").collect()`
        }
      ]
    }),
    healthy({
      name: 'to-pandas',
      happens: 'a hundred thousand rows come into the notebook',
      cells: [
        {
          name: 'a',
          code: `assert len(spark.range(0, 100_000, 1, 4).withColumn("r", F.rand(3)).toPandas()) == 100_000`
        }
      ]
    }),
    healthy({
      name: 'take',
      happens: 'a few rows are taken, for which Spark looks at more and more partitions',
      cells: [
        {
          name: 'a',
          code: `assert len(spark.range(0, 100_000, 1, 60).where("id > 70000").take(3)) == 3`
        },
        { name: 'b', code: `spark.range(0, 100_000, 1, 8).orderBy(F.rand(4)).limit(10).show()` }
      ]
    })
  ]
};

/** Healthy too, with settings or interventions that call for a cluster of their own. */
export const peculiar: Family = {
  name: 'peculiar',
  cases: [
    healthy({
      name: 'cancelled',
      happens: 'a cell is stopped with the stop button, and the next one works',
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
        await run.atWork('stopped', 3);
        run.interrupt('stopped');
      }
    }),
    healthy({
      name: 'dynamic-allocation',
      happens: 'executors come when they are wanted and are taken back when idle, twice',
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
        await run.until('executors to be taken back', () =>
          run.diagnosis.executors().some(({ state }) => state === 'lost')
        );
      }
    }),
    healthy({
      name: 'decommissioned',
      happens:
        'idle executors are taken out of service in good order, with the tables that they keep',
      properties: {
        'spark.dynamicAllocation.enabled': 'true',
        // Their shuffle output is moved instead of waited for.
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
        await run.until('executors to be taken back', () =>
          run.diagnosis.executors().some(({ state }) => state === 'lost')
        );
      }
    }),
    healthy({
      name: 'speculation',
      // Spark runs no second attempt on the host of the first, so on one machine it only looks for tasks to double.
      happens: 'Spark looks for slow tasks to run twice, and tasks take unevenly long',
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
      happens: 'one executor with two cores runs Python beside SQL, far below its memory',
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
      name: 'nothing',
      happens: 'a cluster is started and stopped without a single cell',
      cells: [],
      during: () => Promise.resolve()
    }),
    healthy({
      name: 'stopped-at-work',
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
        await run.atWork('a', 25);
        run.signalDriver('SIGTERM');
      }
    })
  ]
};
