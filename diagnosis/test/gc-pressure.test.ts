import { describe, expect, it } from '@jest/globals';
import { heapFull } from './story.js';
import { tasks } from './work-story.js';
import { CELL, SCOPE, cellOf, findingsOf, codes } from './slow-cell.js';

describe('garbage collection', () => {
  it('is reported if it took more than a tenth of the run time', () => {
    const [finding, ...rest] = findingsOf(cellOf(tasks(8, { ms: 10_000, gcMs: 3000 })));
    expect(rest).toEqual([]);
    expect(finding).toMatchObject({
      id: `gc-pressure:${SCOPE}`,
      severity: 'warning',
      cost: { taskMs: 24_000, wallMs: 6000 },
      title: '30 % of the task time was garbage collection',
      advice: [{ action: 'resize', shape: { executorMemoryMiB: 1536 } }]
    });
  });

  it('is the sum over the stages of a cell with too much of it', () => {
    const story = cellOf(tasks(4, { ms: 1000, gcMs: 400 }));
    story.jobOf(CELL, tasks(4, { ms: 2000, gcMs: 800 }));
    story.jobOf(CELL, tasks(4, { ms: 9000, gcMs: 100 }));
    expect(findingsOf(story)).toMatchObject([
      { code: 'gc-pressure', cost: { taskMs: 4800, wallMs: 1200 }, count: 2 }
    ]);
  });

  it('is not reported if it was less, or less than a second', () => {
    expect(codes(cellOf(tasks(8, { ms: 10_000, gcMs: 900 })))).toEqual([]);
    expect(codes(cellOf(tasks(4, { ms: 1000, gcMs: 900 })))).toEqual([]);
  });

  it('before the heap was full belongs to that finding', () => {
    const story = cellOf([
      ...tasks(7, { ms: 10_000, gcMs: 5000 }),
      { ms: 10_000, reason: heapFull }
    ]);
    expect(codes(story)).toEqual([`executor-heap-oom:${SCOPE}`]);
  });
});
