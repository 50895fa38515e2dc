import type { Finding } from '@aglais/protocol';
import { describe, expect, it } from '@jest/globals';
import type { Observation } from '../src/index.js';
import { cgroup, diagnose } from './evidence.js';
import { fetchFailed, killed, lost, pythonCrash, Story } from './story.js';
import { tasks, WorkStory } from './work.js';

/** Situations of other people's clusters. */
function findings(story: Story, more: readonly Observation[] = []): Finding[] {
  return diagnose([...story.observations, ...more]).findings();
}

const ids = (story: Story, more: readonly Observation[] = []): string[] =>
  findings(story, more).map(({ id }) => id);

describe('a streaming query', () => {
  const QUERY = '6f1f0c2e-0000-4000-8000-000000000001';
  /** So many batches of three partitions, one of which is larger. */
  function stream(batches: number, work: (batch: number) => number): WorkStory {
    const story = new WorkStory().with('1', '2');
    for (let batch = 0; batch < batches; batch += 1) {
      const small = { ms: 1000, shuffleReadMiB: 5, records: 1e5 };
      const long = { ms: work(batch), shuffleReadMiB: 40, records: 1e6 };
      const properties = {
        'spark.sql.execution.id': String(batch),
        'sql.streaming.queryId': QUERY,
        'streaming.sql.batchId': String(batch)
      };
      story.event('SparkListenerJobStart', {
        'Job ID': batch,
        'Submission Time': story.now,
        'Stage Infos': [{ 'Stage ID': batch, 'Number of Tasks': 3 }],
        Properties: properties
      });
      story.stageOf(batch, [small, small, long], { properties });
      story.jobEnd(batch).wait(5000);
    }
    return story;
  }

  it('with a skewed key is one finding, not one for each of its batches', () => {
    const [finding, ...others] = findings(stream(30, () => 6000).end());
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ id: `skew:stream:${QUERY}`, count: 30 });
  });

  it('of which one batch in a thousand was slow is healthy', () => {
    expect(ids(stream(1000, batch => (batch === 500 ? 6000 : 1000)).end())).toEqual([]);
  });

  it('has neither failed nor succeeded between two batches', () => {
    const story = stream(3, () => 1000);
    story.event('SparkListenerJobStart', {
      'Job ID': 4,
      'Submission Time': story.now,
      'Stage Infos': [{ 'Stage ID': 4, 'Number of Tasks': 1 }],
      Properties: { 'spark.sql.execution.id': '4', 'sql.streaming.queryId': QUERY }
    });
    story.stage(4, 1).task(4, 0, { executor: '1' }, pythonCrash).task(4, 0, { executor: '1' });
    story.stageEnd(4, 1).jobEnd(4);
    expect(findings(story)[0]!.explanation).toMatch(/^The Python workers of 1 task attempt/);
  });
});

describe('a healthy cluster of somebody else', () => {
  it('reads three files of different sizes, none of which holds the others up for long', () => {
    const story = new WorkStory().with('1', '2');
    const file = (ms: number, inputMiB: number) => ({ ms, inputMiB, records: inputMiB * 1e4 });
    story.jobOf(null, [file(9000, 90), file(11_000, 110), file(13_000, 128)]);
    story.jobOf(null, [file(600, 10), file(500, 8), file(1400, 30)]);
    expect(ids(story.end())).toEqual([]);
  });

  it('writes a result by a single task after a large stage', () => {
    const story = new WorkStory().with('1', '2');
    story.jobOf(null, tasks(64, { ms: 3000, inputMiB: 120, records: 1e6, shuffleWriteMiB: 0.1 }));
    story.jobOf(null, tasks(1, { ms: 400, shuffleReadMiB: 6, records: 64 }));
    expect(ids(story.end())).toEqual([]);
  });

  it('loses spot instances that were taken out of service with nothing on them', () => {
    const story = new Story({ 'spark.master': 'k8s://h', 'spark.decommission.enabled': 'true' });
    story.executor('1', '2').job(0, null, [0, 2]).stage(0, 2);
    story.task(0, 0, { executor: '1' }).task(0, 1, { executor: '2' }).stageEnd(0, 2).jobEnd(0);
    story.removed('1', 'Executor decommission.').wait(1000).end();
    expect(ids(story)).toEqual([]);
  });

  it('kills the tasks of a job that somebody stopped, and goes on', () => {
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

describe('executors that end as soon as they have begun', () => {
  /** A job waits, and so many executors come and end. */
  function looping(count: number, reason: string): Story {
    const story = new Story({ 'spark.master': 'k8s://h' }).job(0, 'aglais-cell:3:abc', [0, 1]);
    for (let id = 1; id <= count; id += 1) {
      story.executor(String(id)).wait(5000).removed(String(id), reason);
    }
    return story
      .stage(0, 1)
      .wait(40_000)
      .executor('99')
      .removed('99', 'Executor killed by driver.');
  }

  it('are told with their reason, and asking for fewer is not the advice', () => {
    const [finding, ...others] = findings(looping(4, 'Command exited with code 1'));
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      id: 'cluster-pending:cell:3:abc',
      title: 'Executors come and end again: nothing can run',
      severity: 'warning',
      confidence: 'certain',
      advice: [{ hint: 'look-at-executors' }],
      subject: { executors: ['1', '2', '3', '4'] }
    });
    expect(finding!.explanation).toContain(
      'Meanwhile 4 executors ended before they could run one.'
    );
    expect(finding!.evidence[0]!.quote).toBe('Command exited with code 1');
  });

  it('for lack of memory are one incident with the work that waits for them', () => {
    const story = looping(4, 'Command exited with code 137');
    const kills = ['1', '2', '3', '4'].map(id => cgroup(id, story.now, 1));
    const [finding, ...others] = findings(story, kills);
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      id: 'executor-oom-killed:cell:3:abc',
      severity: 'warning',
      count: 4,
      subject: { cell: 'abc', run: 3 }
    });
    expect(finding!.effects.join()).toContain('no task has started');
  });

  it('are not those that dynamic allocation gives back, nor a single one', () => {
    const idle = findings(looping(4, 'Executor killed by driver.'));
    expect(idle).toMatchObject([{ title: 'No executor has come yet: nothing can run' }]);
    expect(findings(looping(1, 'Command exited with code 1'))).toMatchObject([
      { code: 'cluster-pending', title: 'No executor has come yet: nothing can run' }
    ]);
  });
});

describe('a cluster with trouble of several kinds at once', () => {
  const OOM = 'java.lang.OutOfMemoryError: Java heap space';
  const query = (story: Story): Story =>
    story.event('org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionEnd', {
      executionId: 1,
      time: story.now,
      errorMessage: OOM
    });
  const gone = (at: number): Observation => ({
    kind: 'client',
    name: 'SparkConnectGrpcException',
    message: 'StatusCode.UNAVAILABLE',
    cell: null,
    run: null,
    at,
    ref: 'client'
  });

  it('has a full heap of the driver and its end by it as one incident', () => {
    const story = query(new Story());
    expect(ids(story, [gone(story.now + 20_000), { kind: 'end' }])).toEqual([
      'driver-heap-oom:sql:1'
    ]);
  });

  it('has a full heap of the driver, and the loss of the session hours later, as two', () => {
    const story = query(new Story()).wait(7_200_000).job(7, null, [7, 1]);
    expect(ids(story, [gone(story.now), { kind: 'end' }])).toEqual([
      'driver-heap-oom:sql:1',
      'session-lost:application'
    ]);
  });

  it('does not clear the kernel of an executor because another one was clean', () => {
    const story = new Story({ 'spark.master': 'k8s://h' }).executor('1', '2');
    story.job(0, null, [0, 2]).stage(0, 2).task(0, 0, { executor: '1' }, pythonCrash);
    story.task(0, 0, { executor: '2' }).task(0, 1, { executor: '2' }).stageEnd(0, 2).jobEnd(0);
    expect(findings(story, [cgroup('2', story.now, 0)])).toMatchObject([{ confidence: 'likely' }]);
  });

  it('loses two executors with one node, and the shuffle with them, as one incident', () => {
    const story = new Story({ 'spark.master': 'yarn' }).executor('1', '2', '3');
    story.job(0, null, [0, 3], [1, 2]).stage(0, 3);
    for (const index of [0, 1, 2]) story.task(0, index, { executor: String(index + 1) });
    story.stageEnd(0, 3).stage(1, 2, 0, [0]);
    const reason =
      'Container marked as failed: container_1_0001_01_000002 on host: h. Exit status: -100. Diagnostics: Container released on a *lost* node.';
    story.start(1, 0, { executor: '1' })(lost('1', reason));
    story.start(1, 1, { executor: '3' })(fetchFailed('2'));
    story.removed('1', reason).removed('2', reason);
    story.stageEnd(1, 2, 0, 'FetchFailed').stage(0, 2, 1);
    story.task(0, 0, { executor: '3', attempt: 1 }).task(0, 1, { executor: '3', attempt: 1 });
    story.stageEnd(0, 2, 1).stage(1, 2, 1, [0]);
    story.task(1, 0, { executor: '3', attempt: 1 }).task(1, 1, { executor: '3', attempt: 1 });
    story.stageEnd(1, 2, 1).jobEnd(0).end();
    expect(findings(story)).toMatchObject([
      { id: 'executor-lost:job:0', subject: { executors: ['1', '2'] } }
    ]);
  });
});
