import { describe, expect, it } from '@jest/globals';
import { pod, terminated } from './kubernetes.js';
import { resubmitted, Story } from './story.js';
import { CELL, KUBERNETES, ids, pods } from './stories-with-evidence.js';

describe('a normal shutdown', () => {
  it('is not reported: lost executors, fetches and resubmitted tasks that are not needed any more', () => {
    const story = new Story(KUBERNETES).executor('1', '2').job(0, CELL, [0, 2]).stage(0, 2);
    story.task(0, 0, { executor: '1' }).task(0, 1, { executor: '2' }).stageEnd(0, 2).jobEnd(0);
    story
      .wait(1000)
      .removed('1', 'Command exited with code 143')
      .task(0, 0, { executor: '1' }, resubmitted);
    story.end();
    const stopped = (executor: string): object =>
      pod({ executor, state: terminated(143, 'Error', '2027-01-01T00:00:00Z') });
    expect(ids(story, { kind: 'end' }, pods(stopped('1'), stopped('2')))).toEqual([]);
  });
});
