import { describe, expect, it } from '@jest/globals';
import { grantedMemory, parseMiB } from '../src/application/spark-conf.js';
import { Partitions } from '../src/application/partition-set.js';
import { Spans } from '../src/application/time-spans.js';
import { duration, memory, named } from '../src/detectors/format.js';
import fc from 'fast-check';

describe('figures', () => {
  it("Spark's sizes are read in all their spellings", () => {
    expect(
      ['512m', '1g', '1024', '1.5GB', '2048k', '1GiB', 'x'].map(size => parseMiB(size))
    ).toEqual([512, 1024, 1024, 1536, 2, 1024, null]);
    expect(parseMiB('1048576', 'b')).toBe(1);
  });

  it('the limit of an executor follows from its conf where a cluster manager enforces it', () => {
    const conf = { 'spark.executor.memory': '8g', 'spark.executor.pyspark.memory': '1g' };
    expect(grantedMemory(conf).limitMiB).toBeNull();
    expect(grantedMemory({ ...conf, 'spark.master': 'yarn' }).limitMiB).toBe(8192 + 819 + 1024);
    const small = { 'spark.executor.memory': '512m', 'spark.master': 'k8s://x' };
    expect(grantedMemory(small).limitMiB).toBe(512 + 384);
  });

  it('are told in words', () => {
    expect([430, 1434, 2048].map(memory)).toEqual(['430 MiB', '1.4 GiB', '2 GiB']);
    expect([400, 9960, 13_308, 240_000, 3_900_000].map(duration)).toEqual([
      '0.4 s',
      '10 s',
      '13 s',
      '4 min',
      '1 h 5 min'
    ]);
    expect(named('executor', ['1', '2', '3'])).toBe('executors 1, 2 and 3');
  });

  it('spans are as long as the time that they cover, in any order', () => {
    const span = fc
      .tuple(fc.nat(60), fc.nat(12))
      .map(([from, length]) => [from, from + length] as const);
    fc.assert(
      fc.property(fc.array(span), added => {
        const covered = new Set(
          added.flatMap(([from, to]) => Array.from({ length: to - from }, (_, i) => from + i))
        );
        const spans = new Spans();
        for (const [from, to] of added) spans.add(from, to);
        expect(spans.length).toBe(covered.size);
      })
    );
  });

  it('a set of partitions is a set', () => {
    const step = fc.tuple(fc.boolean(), fc.nat(300));
    fc.assert(
      fc.property(fc.array(step), steps => {
        const partitions = new Partitions();
        const set = new Set<number>();
        for (const [add, partition] of steps) {
          if (add) {
            partitions.add(partition);
            set.add(partition);
          } else {
            partitions.delete(partition);
            set.delete(partition);
          }
        }
        expect(partitions.size).toBe(set.size);
        for (let i = 0; i <= 300; i += 1) expect(partitions.has(i)).toBe(set.has(i));
      })
    );
  });
});
