import type { Family } from '../src/case.js';
import type { Finding } from '@aglais/protocol';
import { exactly, says } from './checks.js';

/** The number of stored partitions, of twelve, that a finding reports. */
const stored = ({ explanation }: Finding) =>
  Number(/\((\d+) of 12 partitions\)/.exec(explanation)?.[1] ?? Number.NaN);

/** The severity depends on the speed of the machine. */
const SHARE = ['warning', 'info'] as const;

/** Cells that succeed and take longer than they should. */
export const slow: Family = {
  name: 'slow',
  cases: [
    {
      name: 'spill',
      happens: 'two large partitions are sorted with too little memory',
      properties: { 'spark.sql.adaptive.enabled': 'false', 'spark.memory.fraction': '0.1' },
      cells: [
        {
          name: 'a',
          code: `t = spark.range(0, 3_000_000, 1, 4).withColumn("s", F.sha2(F.col("id").cast("string"), 512))
t.repartition(2, "s").sortWithinPartitions("s").write.format("noop").mode("overwrite").save()`
        }
      ],
      expected: [{ code: 'spill', cell: 'a', severity: SHARE, confidence: 'certain' }]
    },
    {
      name: 'garbage',
      happens: 'tasks spend their time in garbage collection, because the young generation is tiny',
      properties: {
        'spark.executor.extraJavaOptions': '-XX:+UseSerialGC -Xmn1m -XX:MaxTenuringThreshold=0'
      },
      cells: [
        {
          name: 'a',
          code: `spark.conf.set("spark.sql.objectHashAggregate.sortBased.fallbackThreshold", "10000000")
t = spark.range(0, 1_600_000, 1, 4).selectExpr("id % 400000 k", "string(id) s")
t.groupBy("k").agg(F.collect_list("s").alias("l")).agg(F.max(F.size("l"))).collect()`
        }
      ],
      expected: [{ code: 'gc-pressure', cell: 'a', severity: SHARE, confidence: 'certain' }]
    },
    {
      name: 'skew',
      happens:
        'nearly all rows of a join have the same key, and adaptive query execution does not split them',
      properties: { 'spark.sql.autoBroadcastJoinThreshold': '-1' },
      cells: [
        {
          name: 'a',
          code: `a = spark.range(0, 3_000_000, 1, 6).selectExpr("if(id % 20 <> 0, 0, id % 1000) k", "sha2(string(id), 256) p")
b = spark.range(0, 1_000, 1, 2).selectExpr("id k", "repeat('z', 50) q")
deep = F.concat("p", "q")
for _ in range(6):
    deep = F.sha2(deep, 512)
a.join(b, "k").agg(F.max(deep)).collect()`
        }
      ],
      expected: [{ code: 'skew', cell: 'a', severity: 'warning', confidence: 'certain' }],
      may: ['gc-pressure']
    },
    {
      name: 'cache-too-small',
      happens:
        'a table is cached in memory only, fits partially, and the rest is recomputed at each use',
      cells: [
        {
          name: 'make',
          code: `kept = spark.range(0, 4_000_000, 1, 12).selectExpr("id", "sha2(sha2(sha2(string(id), 512), 512), 256) a", "sha2(sha2(sha2(string(id + 7), 512), 512), 256) b")
kept.persist(StorageLevel.MEMORY_ONLY).count()`
        },
        { name: 'use', code: `kept.agg(F.max("b")).collect()` }
      ],
      during: () => Promise.resolve(),
      // The first count fills the cache and then reads it, so it recomputes the rest already.
      expected: ['make', 'use'].map(cell => ({
        code: 'cache-partial',
        cell,
        severity: 'warning',
        confidence: 'certain',
        figures: finding =>
          exactly('partitions', finding.cost?.recomputedTasks ?? 0, 12 - stored(finding))
      })),
      may: ['gc-pressure']
    },
    {
      name: 'cache-lost',
      happens: 'an idle executor is removed with its cached partitions, which are recomputed',
      properties: {
        'spark.dynamicAllocation.enabled': 'true',
        'spark.dynamicAllocation.shuffleTracking.enabled': 'true',
        'spark.dynamicAllocation.initialExecutors': '2',
        'spark.dynamicAllocation.minExecutors': '1',
        'spark.dynamicAllocation.maxExecutors': '2',
        'spark.dynamicAllocation.shuffleTracking.timeout': '3s',
        'spark.dynamicAllocation.executorIdleTimeout': '12s',
        'spark.dynamicAllocation.cachedExecutorIdleTimeout': '4s'
      },
      cells: [
        {
          name: 'make',
          code: `def slow(frames):
    for frame in frames:
        time.sleep(2)
        yield frame
kept = spark.range(0, 8, 1, 8).mapInPandas(slow, "id long").cache(); kept.count(); time.sleep(20)`
        },
        { name: 'use', code: `kept.count()` }
      ],
      expected: [{ code: 'cache-lost', cell: 'use', severity: 'warning', confidence: 'certain' }]
    },
    {
      name: 'tiny-partitions',
      happens: 'a small table is processed in three thousand partitions',
      properties: { 'spark.sql.adaptive.enabled': 'false' },
      cells: [
        {
          name: 'a',
          code: `spark.range(0, 30_000, 1, 3_000).select(F.sqrt("id").alias("r")).agg(F.sum("r")).collect()`
        }
      ],
      expected: [
        { code: 'small-partitions', cell: 'a', severity: 'warning', confidence: 'certain' }
      ]
    },
    {
      name: 'tiny-files',
      happens: 'a table of a few megabytes is read from two thousand files',
      cells: [
        {
          name: 'write',
          code: `import os
import pyarrow as pa, pyarrow.parquet as pq
path = directory + "/tiny"
os.mkdir(path)
for i in range(2_000):
    pq.write_table(pa.table({"id": list(range(i * 10, i * 10 + 10))}), f"{path}/part-{i:05}.parquet")`
        },
        {
          name: 'read',
          code: `assert spark.read.parquet(path).agg(F.count("id")).collect()[0][0] == 20_000`
        }
      ],
      expected: [
        {
          code: 'small-files',
          cell: 'read',
          severity: SHARE,
          confidence: 'certain',
          figures: finding => says(finding, /2,?000/)
        }
      ]
    }
  ]
};
