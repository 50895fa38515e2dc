import { describe, expect, it } from '@jest/globals';
import { cgroup } from './recorded-runs.js';
import { killed, lost, Story } from './story.js';
import { CELL, ids } from './incident-stories.js';

describe('not reported', () => {
  it('idle executors that dynamic allocation removes', () => {
    const story = new Story().executor('1').job(0, CELL, [0, 1]).stage(0, 1);
    story.task(0, 0, { executor: '1' }).stageEnd(0, 1).jobEnd(0).wait(60_000);
    story.removed('1', 'Executor killed by driver.');
    expect(ids(story)).toEqual([]);
  });

  it('an idle executor that exits by SIGTERM or SIGKILL, unless its cgroup counted a kill', () => {
    const story = new Story().executor('1', '2');
    story.removed('1', 'Command exited with code 143').removed('2', 'Command exited with code 137');
    expect(ids(story)).toEqual([]);
    expect(ids(story, [cgroup('2', story.now, 1)])).toEqual([
      'executor-oom-killed:application certain'
    ]);
  });

  it('tasks that died with their executors because the application was being stopped', () => {
    const story = new Story().executor('1').job(0, CELL, [0, 2]).stage(0, 2);
    const task = story.start(0, 0, { executor: '1' });
    task(lost('1', 'Command exited with code 143')).removed('1', 'Command exited with code 143');
    expect(ids(story)).toEqual(['executor-lost:cell:3:abc likely']);
    story.removed(
      '9',
      'java.lang.IllegalStateException: Shutdown hooks cannot be modified during shutdown.'
    );
    story.jobEnd(0, 'Job 0 cancelled because SparkContext was shut down').wait(300).end();
    expect(ids(story)).toEqual([]);
  });

  it('superseded speculative attempts, and tasks of a job that the user cancelled', () => {
    const story = new Story().executor('1', '2').job(0, CELL, [0, 1]).stage(0, 1);
    const slow = story.start(0, 0, { executor: '1', ms: 9000 });
    story.task(0, 0, { executor: '2', speculative: true });
    slow(killed('another attempt succeeded')).stageEnd(0, 1).jobEnd(0);
    story.job(1, CELL, [1, 1]).stage(1, 1);
    story.task(1, 0, { executor: '2' }, killed('Stage cancelled: [SPARK_JOB_CANCELLED]'));
    story.jobEnd(1, '[SPARK_JOB_CANCELLED] Job 1 cancelled part of cancelled job group');
    expect(ids(story)).toEqual([]);
  });
});
