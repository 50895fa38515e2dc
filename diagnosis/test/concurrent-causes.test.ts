import { describe, expect, it } from '@jest/globals';
import type { Observation } from '../src/index.js';
import { cgroup } from './recorded-runs.js';
import { fetchFailed, lost, pythonCrash, Story } from './story.js';
import { findings, ids } from './story-findings.js';

describe('a cluster with several problems at once', () => {
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

  it('reports a full heap of the driver and its exit as one incident', () => {
    const story = query(new Story());
    expect(ids(story, [gone(story.now + 20_000), { kind: 'end' }])).toEqual([
      'driver-heap-oom:sql:1'
    ]);
  });

  it('reports a full heap of the driver, and the loss of the session hours later, as two', () => {
    const story = query(new Story()).wait(7_200_000).job(7, null, [7, 1]);
    expect(ids(story, [gone(story.now), { kind: 'end' }])).toEqual([
      'driver-heap-oom:sql:1',
      'session-lost:application'
    ]);
  });

  it('does not rule out an OOM kill of one executor because another one had none', () => {
    const story = new Story({ 'spark.master': 'k8s://h' }).executor('1', '2');
    story.job(0, null, [0, 2]).stage(0, 2).task(0, 0, { executor: '1' }, pythonCrash);
    story.task(0, 0, { executor: '2' }).task(0, 1, { executor: '2' }).stageEnd(0, 2).jobEnd(0);
    expect(findings(story, [cgroup('2', story.now, 0)])).toMatchObject([{ confidence: 'likely' }]);
  });

  it('reports two executors lost with one node, and the lost shuffle data, as one incident', () => {
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
