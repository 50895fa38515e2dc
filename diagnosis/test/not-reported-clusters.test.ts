import { describe, expect, it } from '@jest/globals';
import { killed, Story } from './story.js';
import { tasks, WorkStory } from './work-story.js';
import { ids } from './story-findings.js';

describe('a healthy cluster of another platform', () => {
  it('reads three files of different sizes without a long delay', () => {
    const story = new WorkStory().with('1', '2');
    const file = (ms: number, inputMiB: number) => ({ ms, inputMiB, records: inputMiB * 1e4 });
    story.jobOf(null, [file(9000, 90), file(11_000, 110), file(13_000, 128)]);
    story.jobOf(null, [file(600, 10), file(500, 8), file(1400, 30)]);
    expect(ids(story.end())).toEqual([]);
  });

  it('writes a result with a single task after a large stage', () => {
    const story = new WorkStory().with('1', '2');
    story.jobOf(null, tasks(64, { ms: 3000, inputMiB: 120, records: 1e6, shuffleWriteMiB: 0.1 }));
    story.jobOf(null, tasks(1, { ms: 400, shuffleReadMiB: 6, records: 64 }));
    expect(ids(story.end())).toEqual([]);
  });

  it('loses spot instances that were decommissioned while idle', () => {
    const story = new Story({ 'spark.master': 'k8s://h', 'spark.decommission.enabled': 'true' });
    story.executor('1', '2').job(0, null, [0, 2]).stage(0, 2);
    story.task(0, 0, { executor: '1' }).task(0, 1, { executor: '2' }).stageEnd(0, 2).jobEnd(0);
    story.removed('1', 'Executor decommission.').wait(1000).end();
    expect(ids(story)).toEqual([]);
  });

  it('kills the tasks of a job that a user cancelled, and continues', () => {
    const story = new Story().executor('1').job(0, null, [0, 2]).stage(0, 2);
    const [a, b] = [0, 1].map(index => story.start(0, index, { executor: '1' }));
    a!(killed('Stage cancelled: Job 0 cancelled as part of cancellation of all jobs'));
    b!(killed('Stage cancelled'));
    story
      .stageEnd(0, 2, 0, 'Job 0 cancelled')
      .jobEnd(0, 'Job 0 cancelled part of cancelled job group x');
    expect(
      ids(story.job(1, null, [1, 1]).stage(1, 1).task(1, 0, { executor: '1' }).jobEnd(1))
    ).toEqual([]);
  });
});
