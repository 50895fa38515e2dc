import type { Case, Family } from '../src/case.js';

export const healthy = (one: Omit<Case, 'expected'>): Case => ({ ...one, expected: [] });

/** Healthy runs, one after the other on a shared cluster. */
export const healthyShared: Family = {
  name: 'healthy-shared',
  cases: [
    healthy({
      name: 'aggregation',
      happens: 'a million rows are grouped and summed',
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
      happens: 'queries return nothing: no rows, no partitions, an empty join, an empty aggregate',
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
      happens: 'a shuffle of a few hundred megabytes that fits in memory',
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
      happens: 'a Python function per row',
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
      happens: 'pandas functions by column, by partition and by group',
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
      happens: 'a sort-merge join of two tables of the same size, without adaptive query execution',
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
      happens: 'a skewed join whose large partition is split by adaptive query execution',
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
      happens: 'a table that fits is cached, read three times and unpersisted',
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
      happens: 'the same table is computed twice because it is not cached',
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
      happens: 'two cells run at the same time',
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
      name: 'caught-analysis-error',
      happens: "the user's code catches the analysis error of a query",
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
      name: 'caught-job-failure',
      happens: "the user's code catches the error of a failed job",
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
      happens: 'a hundred thousand rows are collected',
      cells: [
        {
          name: 'a',
          code: `assert len(spark.range(0, 100_000, 1, 4).withColumn("r", F.rand(3)).toPandas()) == 100_000`
        }
      ]
    }),
    healthy({
      name: 'take',
      happens: 'a few rows are taken, for which Spark scans more and more partitions',
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
