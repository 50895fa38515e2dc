import { describe, expect, it } from '@jest/globals';
import { fetchFailed, Story } from './story.js';
import { CELL, ids } from './stories-with-evidence.js';

describe('nondeterministic work', () => {
  const again = (level: string): Story => {
    const story = new Story().executor('1', '2').job(0, CELL, [0, 1], [1, 1]);
    const rdds = [
      { 'RDD ID': 1, DeterministicLevel: 'DETERMINATE' },
      { 'RDD ID': 4, DeterministicLevel: level }
    ];
    const submit = (attempt: number): Story =>
      story.event('SparkListenerStageSubmitted', {
        'Stage Info': {
          'Stage ID': 0,
          'Stage Attempt ID': attempt,
          'Number of Tasks': 1,
          'RDD Info': rdds,
          'Submission Time': story.now
        }
      });
    submit(0).task(0, 0, { executor: '1' }).stageEnd(0, 1).stage(1, 1, 0, [0]);
    story.task(1, 0, { executor: '2' }, fetchFailed('1')).stageEnd(1, 1, 0, 'FetchFailed');
    submit(1).task(0, 0, { executor: '2', attempt: 1 }).stage(1, 1, 1, [0]);
    return story.task(1, 0, { executor: '2', attempt: 1 }).jobEnd(0);
  };

  it('is a risk if it is recomputed', () => {
    const all = ids(again('INDETERMINATE'));
    expect(all).toContain('nondeterministic-retry-risk:cell:3:abc warning likely');
    expect(ids(again('UNORDERED')).join()).not.toMatch(/nondeterministic/);
  });

  it('fails the job if it cannot be rolled back', () => {
    const words =
      'Job aborted due to stage failure: A shuffle map stage with indeterminate output was failed and retried. However, Spark cannot rollback the ResultStage 1 to re-process the input data, and has to fail this job. Please eliminate the indeterminacy by checkpointing the RDD before repartition and try again.';
    const story = new Story().executor('1').job(0, CELL, [0, 1]).stage(0, 1);
    expect(ids(story.jobEnd(0, words))).toEqual([
      'nondeterministic-retry-risk:cell:3:abc error certain'
    ]);
  });
});
