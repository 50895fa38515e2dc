import { describe, expect, it } from '@jest/globals';
import { parseMiB } from '../src/application/spark-conf.js';
import { grantedMemory } from '../src/application/granted-memory.js';

describe('Spark properties', () => {
  it('sizes are parsed in all spellings', () => {
    expect(
      ['512m', '1g', '1024', '1.5GB', '2048k', '1GiB', 'x'].map(size => parseMiB(size))
    ).toEqual([512, 1024, 1024, 1536, 2, 1024, null]);
    expect(parseMiB('1048576', 'b')).toBe(1);
  });

  it('define the limit of an executor if a cluster manager enforces it', () => {
    const conf = { 'spark.executor.memory': '8g', 'spark.executor.pyspark.memory': '1g' };
    expect(grantedMemory(conf).limitMiB).toBeNull();
    expect(grantedMemory({ ...conf, 'spark.master': 'yarn' }).limitMiB).toBe(8192 + 819 + 1024);
    const small = { 'spark.executor.memory': '512m', 'spark.master': 'k8s://x' };
    expect(grantedMemory(small).limitMiB).toBe(512 + 384);
  });
});
