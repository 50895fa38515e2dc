import { describe, expect, it } from '@jest/globals';
import { tableName } from '../src/application/cache-names.js';

const nameOf = (name: string): string => tableName({ rdd: 11, name });

describe('The name of a cached table', () => {
  it('is the one that its user chose', () => {
    expect(nameOf('In-memory table stars')).toBe('stars');
  });

  it('is its columns if it has no name', () => {
    expect(nameOf('*(1) Project [id#7L, sha2(cast(id#7L as string), 256) AS a#8]\n+- Range')).toBe(
      '(id, a)'
    );
    expect(nameOf('Project [a#1, b#2, c#3, (d#4 + 1) AS d#5, e#6]')).toBe('(a, b, c, d, …)');
    expect(nameOf("Project [concat(')', x#1, ',') AS y#2]")).not.toContain('#');
  });

  it('is the most informative node of the plan, without expression ids', () => {
    expect(
      nameOf(
        'AdaptiveSparkPlan isFinalPlan=false\n+- HashAggregate(keys=[k#1], functions=[count(1)])\n'
      )
    ).toBe('HashAggregate(keys=[k], functions=[count(1)])');
    expect(
      nameOf(
        '*(1) ColumnarToRow\n+- FileScan parquet spark_catalog.default.gaia[source_id#0L] Batched: true'
      )
    ).toBe('FileScan parquet spark_catalog.default.gaia[source_id] Ba…');
  });

  it('is its number if Spark has no name, or the remaining part of a truncated plan', () => {
    expect(nameOf('')).toBe('RDD 11');
    expect(nameOf('Project [id#7L, sha2(cast(id#7L as st...')).toBe(
      'Project [id, sha2(cast(id as st...'
    );
  });

  it("is the RDD's for an RDD", () => {
    expect(nameOf('MapPartitionsRDD')).toBe('MapPartitionsRDD');
  });
});
