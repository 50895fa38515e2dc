import { describe, expect, it } from '@jest/globals';
import { tasks, WorkStory } from './work-story.js';
import { CELL, codes } from './slow-cell.js';

describe('healthy work', () => {
  it('has no findings, whatever its size', () => {
    const story = new WorkStory().with('1', '2');
    for (let round = 0; round < 20; round += 1) {
      story.jobOf(`aglais-cell:${round}:abc`, [
        ...tasks(40, { ms: 800 + round, gcMs: 40, inputMiB: 120, shuffleWriteMiB: 20 }),
        { ms: 1600, inputMiB: 128, gcMs: 30 }
      ]);
      story.jobOf(null, tasks(1, { ms: 3000, runMs: 300 }));
    }
    expect(codes(story)).toEqual([]);
  });

  it('without task metrics, like lost tasks, is not reported', () => {
    const story = new WorkStory().with('1');
    story.job(0, CELL, [0, 3]).stage(0, 3);
    for (const [index, ms] of [10, 20, 90_000].entries())
      story.task(0, index, { executor: '1', ms });
    story.stageEnd(0, 3).jobEnd(0);
    expect(codes(story)).toEqual([]);
  });
});
