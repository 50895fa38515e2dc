import { describe, expect, it } from '@jest/globals';
import { tasks } from './work-story.js';
import { SCOPE, cellOf, findingsOf, codes } from './slow-cell.js';

describe('spill', () => {
  const spilling = tasks(8, { ms: 30_000, shuffleReadMiB: 500, spilledMiB: 2000 });

  it('is estimated from the bytes written to and read from disk, and reported as an estimate', () => {
    const conf = { 'spark.executor.memory': '1g', 'spark.sql.adaptive.enabled': 'true' };
    const [finding, ...rest] = findingsOf(cellOf(spilling, conf));
    expect(rest).toEqual([]);
    expect(finding).toMatchObject({
      id: `spill:${SCOPE}`,
      confidence: 'certain',
      count: 8,
      // 8 × 1000 MiB on disk, written and read at 200 MiB/s, four at a time.
      cost: { taskMs: 80_000, wallMs: 20_000, estimated: true }
    });
    expect(finding!.title).toBe('7.8 GiB did not fit in memory and was spilled to disk');
    // (1024 − 300) × 0.6 / 2 = 217 MiB for each task, which needed 217 + 2000: 10.2 times as many.
    expect(finding!.advice[0]).toMatchObject({
      conf: {
        'spark.sql.shuffle.partitions': '82',
        'spark.sql.adaptive.advisoryPartitionSizeInBytes': '48m'
      }
    });
  });

  it('costs at most the time of the tasks that spilled', () => {
    const quick = tasks(8, { ms: 3000, shuffleReadMiB: 500, spilledMiB: 2000 });
    expect(findingsOf(cellOf(quick))[0]!.cost).toMatchObject({ taskMs: 24_000, wallMs: 6000 });
  });

  it('of a skewed task is an effect of the skew', () => {
    const work = [
      ...tasks(7, { ms: 2000, shuffleReadMiB: 30 }),
      { ms: 60_000, shuffleReadMiB: 900, spilledMiB: 2000 }
    ];
    expect(findingsOf(cellOf(work))).toMatchObject([
      {
        code: 'skew',
        effects: ['this task of stage 1 spilled 1000 MiB to disk']
      }
    ]);
  });

  it('of little data is not reported', () => {
    expect(codes(cellOf(tasks(8, { ms: 3000, spilledMiB: 50 })))).toEqual([]);
  });
});
