import { describe, expect, it } from '@jest/globals';
import { Story } from './story.js';
import { CELL, findings } from './stories-with-evidence.js';

describe('findings of the same kind', () => {
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
  const title = 'The result is larger than 10 MiB, the most that may be collected';

  it('name their place in their titles if there are several', () => {
    expect(titles(collecting(CELL))).toEqual([title]);
    expect(titles(collecting(CELL, 'aglais-cell:4:abc', null))).toEqual([
      `${title}, in cell [3]`,
      `${title}, in cell [4]`,
      `${title}, in job 2`
    ]);
  });

  it('can be told apart, though a kernel was restarted and counts its cells again', () => {
    expect(titles(collecting(CELL, 'aglais-cell:100003:abc'))).toEqual([
      `${title}, in cell [3], job 0`,
      `${title}, in cell [3], job 1`
    ]);
  });
});
