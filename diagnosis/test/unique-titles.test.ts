import { describe, expect, it } from '@jest/globals';
import { Story } from './story.js';
import { CELL, findings } from './stories-with-evidence.js';

describe('findings with the same title', () => {
  const said =
    'Job aborted due to stage failure: Total size of serialized results of 4 tasks (11.0 MiB) is bigger than spark.driver.maxResultSize (10.0 MiB)';
  const collecting = (...tags: (string | null)[]): Story => {
    const story = new Story().executor('1');
    tags.forEach((tag, id) => {
      story.job(id, tag, [id, 1]).stage(id, 1).task(id, 0, { executor: '1' });
      story.stageEnd(id, 1, 0, said).jobEnd(id, said).wait(1000);
    });
    return story;
  };
  const titles = (story: Story): string[] => findings(story).map(({ title }) => title);
  const title = 'The result is larger than 10 MiB, the maximum that can be collected';

  it('of different cells keep it, because each is shown under its cell', () => {
    expect(titles(collecting(CELL, 'aglais-cell:4:abc', null))).toEqual([title, title, title]);
  });

  it('outside of cells name their job', () => {
    expect(titles(collecting(null, null))).toEqual([`${title}, in job 0`, `${title}, in job 1`]);
  });
});
