import { describe, expect, it } from '@jest/globals';
import { diagnose } from './recorded-runs.js';
import { exception, fetchFailed, resubmitted, Story } from './story.js';
import { CELL, findings, ids } from './incident-stories.js';

describe('work that Spark recomputes', () => {
  /** Map stage 0, then reduce stage 1 misses blocks of `executor`, and both run again. */
  function missing(executor: string | null): Story {
    const story = new Story().executor('1', '2').job(0, CELL, [0, 2], [1, 1]).stage(0, 2);
    story.task(0, 0, { executor: '1' }).task(0, 1, { executor: '2' }).stageEnd(0, 2);
    story.stage(1, 1, 0, [0]).task(1, 0, { executor: '2' }, fetchFailed(executor));
    story.stageEnd(1, 1, 0, 'FetchFailedException');
    story.stage(0, 1, 1).task(0, 0, { executor: '2', attempt: 1, ms: 2000 }).stageEnd(0, 1, 1);
    story.stage(1, 1, 1, [0]).task(1, 0, { executor: '2', attempt: 1 }).stageEnd(1, 1, 1);
    return story.jobEnd(0);
  }

  it('because blocks of a living executor could not be read is a shuffle-fetch-failed', () => {
    const [finding, ...others] = findings(missing('1'));
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      id: 'shuffle-fetch-failed:cell:3:abc',
      severity: 'warning',
      cost: { taskMs: 3000, recomputedTasks: 2, wallMs: 3000 },
      effects: [
        '1 task attempt could not read shuffle blocks from it',
        'stage 0 had to recompute 1 finished task'
      ],
      advice: [
        {
          action: 'set',
          conf: { 'spark.shuffle.io.maxRetries': '6', 'spark.shuffle.io.retryWait': '10s' }
        }
      ]
    });
  });

  it('stays that when the executor is stopped with the application', () => {
    const story = missing('1');
    story.job(1, CELL, [2, 1]).stage(2, 1).task(2, 0, { executor: '1' }).stageEnd(2, 1).jobEnd(1);
    story.wait(500).removed('1', 'Worker shutting down').end();
    const [finding, ...others] = findings(story);
    expect(others).toEqual([]);
    expect(finding!.id).toBe('shuffle-fetch-failed:cell:3:abc');
    expect(finding!.explanation).not.toContain('removed');
    expect(Object.keys(finding!.advice[0]!)).toContain('conf');
  });

  it('because their executor was OOM-killed is only that finding', () => {
    for (const executor of ['1', null]) {
      const story = missing(executor);
      const at = story.observations.findIndex(one => JSON.stringify(one).includes('FetchFailed'));
      const reason =
        'The executor with id 1 exited with exit code 137\n termination reason: OOMKilled';
      const removal = new Story().wait(2100).removed('1', reason).observations.at(-1)!;
      story.observations.splice(at, 0, removal);
      expect(ids(story)).toEqual(['executor-oom-killed:cell:3:abc certain']);
    }
  });

  it('because idle executors were removed with their output is reported with the remedy', () => {
    const story = missing('1');
    const at = story.observations.findIndex(one => JSON.stringify(one).includes('FetchFailed'));
    const removal = new Story().removed('1', 'Executor killed by driver.').observations.at(-1)!;
    story.observations.splice(at, 0, removal);
    const [finding] = findings(story);
    expect(finding!.id).toBe('shuffle-fetch-failed:cell:3:abc');
    expect(finding!.explanation).toContain('executor 1 had been removed before');
  });

  it('without a failed fetch is a stage-recomputed once the job has succeeded', () => {
    const story = new Story().executor('1', '2').job(0, CELL, [0, 2]).stage(0, 2);
    const first = story.start(0, 0, { executor: '1' });
    first();
    story.removed('1', 'Executor decommission: spot instance goes away');
    first(resubmitted);
    story.task(0, 0, { executor: '2', ms: 1500 }).task(0, 1, { executor: '2' }).stageEnd(0, 2);
    expect(ids(story)).toEqual([]);
    story.jobEnd(0);
    expect(findings(story)).toEqual([
      expect.objectContaining({
        id: 'stage-recomputed:cell:3:abc',
        severity: 'warning',
        cost: { taskMs: 1000, recomputedTasks: 1, wallMs: 1500 }
      })
    ]);
  });

  describe('with another stage id, as in adaptive execution', () => {
    const SQL = { 'spark.job.tags': CELL, 'spark.sql.execution.id': '7' };
    const stage = (id: number, parents: number[] = []) => ({
      'Stage ID': id,
      'Stage Attempt ID': 0,
      'Stage Name': `stage ${id}`,
      'Number of Tasks': 2,
      'Parent IDs': parents,
      'RDD Info': [{ 'RDD ID': 11 }, { 'RDD ID': 7 }]
    });

    /** Stage 0 computes RDD 11 in a separate job; `again` is the stage that does so in the next job. */
    function again(stages: object[]): Story {
      const story = new Story().executor('1', '2');
      const run = (job: number, infos: object[], id: number, executor: string): void => {
        story.event('SparkListenerJobStart', {
          'Job ID': job,
          'Submission Time': story.now,
          'Stage Infos': infos,
          Properties: SQL
        });
        const info = infos.find(one => Object.values(one)[0] === id);
        story.event('SparkListenerStageSubmitted', { 'Stage Info': info, Properties: SQL });
        story.task(id, 0, { executor }).task(id, 1, { executor });
        const end = { ...info, 'Submission Time': story.now, 'Completion Time': story.now };
        story.event('SparkListenerStageCompleted', { 'Stage Info': end });
        story.jobEnd(job);
      };
      run(0, [stage(0)], 0, '1');
      story.wait(500).removed('1', 'Executor killed by driver.').wait(500);
      run(1, stages, 2, '2');
      return story;
    }

    it('is a stage-recomputed that names the executor that was lost in between', () => {
      const [finding, ...others] = findings(again([stage(2), stage(3, [2])]));
      expect(others).toEqual([]);
      expect(finding).toMatchObject({
        id: 'stage-recomputed:cell:3:abc',
        severity: 'warning',
        count: 2,
        subject: { executors: ['1'] },
        cost: { taskMs: 2000, recomputedTasks: 2, wallMs: 2000 }
      });
    });

    it('is not reported for a result, which may be computed twice', () => {
      expect(ids(again([stage(2)]))).toEqual([]);
    });
  });

  it('because of retried tasks is reported once the job has succeeded', () => {
    const story = new Story().executor('1').job(0, CELL, [0, 2]).stage(0, 2);
    const broken = exception('java.io.IOException', 'Connection reset');
    story.task(0, 0, { executor: '1' }, broken).task(0, 0, { executor: '1' }, broken);
    story.task(0, 0, { executor: '1' }).task(0, 1, { executor: '1' });
    expect(ids(story)).toEqual([]);
    const [finding] = findings(story.jobEnd(0));
    expect(finding).toMatchObject({
      id: 'task-retries:cell:3:abc',
      count: 2,
      cost: { taskMs: 2000, recomputedTasks: 1, wallMs: 2000 }
    });
    expect(finding!.explanation).toContain('Connection reset');
  });

  it('because of Python code has the error of the Python code', () => {
    const trace =
      'Traceback (most recent call last):\n  File "<string>", line 9, in ask\n' +
      'ConnectionError: the archive did not answer\n';
    const error = exception('org.apache.spark.api.python.PythonException', trace);
    const story = new Story().executor('1').job(0, CELL, [0, 1]).stage(0, 1);
    story.task(0, 0, { executor: '1' }, error).task(0, 0, { executor: '1' }).jobEnd(0);
    expect(findings(story)[0]!.explanation).toMatch(
      /^This cell succeeded, but 1 task attempt failed and had to be retried \(ConnectionError: the archive did not answer\)\./
    );
  });

  it('in stages of old versions of Spark, which do not name partitions, is counted, too', () => {
    const story = missing('1');
    const old = story.observations.map(one =>
      one.kind === 'event'
        ? {
            ...one,
            event: JSON.parse(
              JSON.stringify(one.event).replace(/"Partition ID":\d+,/, '')
            ) as unknown
          }
        : one
    );
    expect(diagnose(old).findings()[0]).toMatchObject({
      id: 'shuffle-fetch-failed:cell:3:abc',
      cost: { taskMs: 3000, recomputedTasks: 2 }
    });
  });
});
