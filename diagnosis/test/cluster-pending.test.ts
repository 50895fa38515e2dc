import { describe, expect, it } from '@jest/globals';
import { type Observation } from '../src/index.js';
import { event, pod, UNSCHEDULABLE } from './kubernetes.js';
import { Story } from './story.js';
import { CELL, KUBERNETES, AT, findings, ids, pods, events } from './stories-with-evidence.js';

describe('work that waits for executors', () => {
  const waiting = (): Story => new Story(KUBERNETES).job(0, CELL, [0, 1]).stage(0, 1);
  const nowhere = pod({ node: null, state: null, conditions: [UNSCHEDULABLE], limit: '4Gi' });
  const clock = (story: Story, ms: number): Observation => ({ kind: 'time', at: story.now + ms });

  it("is reported after a while, by the observer's clock", () => {
    const story = waiting();
    expect(ids(story, clock(story, 10_000))).toEqual([]);
    const [finding, ...others] = findings(story, clock(story, 90_000));
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      id: 'cluster-pending:cell:3:abc',
      severity: 'warning',
      confidence: 'likely',
      cost: { wallMs: 90_000 }
    });
  });

  it('is certain if the scheduler reports it, with a readable message', () => {
    const other = pod({
      executor: '2',
      node: null,
      state: null,
      conditions: [UNSCHEDULABLE],
      limit: '4Gi'
    });
    const [finding, ...others] = findings(waiting(), pods(nowhere, other));
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      id: 'cluster-pending:cell:3:abc',
      confidence: 'certain',
      count: 2
    });
    expect(finding!.explanation).toMatch(
      /4\.0 GiB for each of 2 executors are not available: of 5 nodes 4 have insufficient memory, 1 had untolerated taint/
    );
  });

  it('is compared with the largest free node, if that was recorded', () => {
    const room = (at: number, memoryMiB: number): Observation => ({
      kind: 'capacity',
      ...{ at, memoryMiB, cores: 3, ref: 'nodes' }
    });
    const [finding] = findings(waiting(), room(2_000, 2_150), pods(nowhere), room(1_000, 900));
    expect(finding!.explanation).toContain(
      'It needs 4.0 GiB; the largest free node has 2.1 GiB, some nodes have taints that it does not tolerate.'
    );
    const three = ['1', '2', '3'].map(executor =>
      pod({ executor, node: null, state: null, conditions: [UNSCHEDULABLE], limit: '4Gi' })
    );
    expect(findings(waiting(), pods(...three), room(2_000, 2_150))[0]!.explanation).toContain(
      'It needs 4.0 GiB for each of 3 executors; the largest free node has 2.1 GiB'
    );
  });

  it('names CPUs if they are missing', () => {
    const message = '0/2 nodes are available: 2 Insufficient cpu.';
    const unplaced = pod({
      ...{ node: null, state: null, limit: '4Gi' },
      conditions: [{ ...UNSCHEDULABLE, message }]
    });
    const room: Observation = {
      kind: 'capacity',
      at: 1,
      memoryMiB: 9_000,
      cores: 0.5,
      ref: 'nodes'
    };
    const conf = { ...KUBERNETES, 'spark.kubernetes.executor.request.cores': '2' };
    const story = new Story(conf).job(0, CELL, [0, 1]).stage(0, 1);
    expect(findings(story, pods(unplaced), room)[0]!.explanation).toContain(
      'It needs 4.0 GiB; it requests 2 CPUs, the largest free node has 0.5.'
    );
  });

  it('has the numbers of the node if the kubelet reports them', () => {
    const GIB = 2 ** 30;
    const rejected = pod({
      state: null,
      reason: 'OutOfmemory',
      message: `Pod was rejected: Node didn't have enough resource: memory, requested: ${4 * GIB}, used: ${6 * GIB}, capacity: ${8 * GIB}`
    });
    const [finding] = findings(waiting(), pods(rejected));
    expect(finding!.explanation).toMatch(/needs 4\.0 GiB for it; the node has 2\.0 GiB free/);
  });

  it('is known from events alone, by the pod names that Spark uses', () => {
    const failed = event('FailedScheduling', UNSCHEDULABLE.message, 'app-exec-1');
    expect(ids(waiting(), events(failed))).toEqual(['cluster-pending:cell:3:abc warning certain']);
    const somebody = event('FailedScheduling', UNSCHEDULABLE.message, 'other-exec-1');
    expect(ids(waiting(), events(somebody))).toEqual([]);
  });

  it('ends when a task starts; a long wait is reported', () => {
    const ran = (ms: number): Story => {
      const story = waiting().wait(ms).executor('1').task(0, 0, { executor: '1' });
      return story.stageEnd(0, 1).jobEnd(0).end();
    };
    expect(ids(ran(20_000), { kind: 'end' })).toEqual([]);
    expect(ids(ran(100_000), { kind: 'end' })).toEqual(['cluster-pending:cell:3:abc info likely']);
    const scheduled = pod({ conditions: [] });
    const evidence = [events(event('FailedScheduling', UNSCHEDULABLE.message)), pods(scheduled)];
    expect(ids(ran(400_000), ...evidence)).toEqual(['cluster-pending:cell:3:abc warning certain']);
    expect(ids(ran(20_000), ...evidence)).toEqual([]);
  });

  it("is reported by Spark's own warnings", () => {
    const line = (second: number): string =>
      `26/11/20 23:41:${second} WARN TaskSchedulerImpl: Initial job has not accepted any resources; check your cluster UI to ensure that workers are registered and have sufficient resources`;
    const log = [10, 25, 40, 55].map(line).join('\n');
    expect(ids(waiting(), ['stderr', log])).toEqual(['cluster-pending:cell:3:abc warning certain']);
    // One or two are normal for a slow start.
    const story = waiting().wait(20_000).executor('1').task(0, 0, { executor: '1' }).jobEnd(0);
    expect(ids(story, ['stderr', line(10)])).toEqual([]);
  });

  it('does not include waiting for another cell whose executors are running tasks', () => {
    const story = new Story(KUBERNETES).executor('1').job(0, CELL, [0, 1]).stage(0, 1);
    story.start(0, 0, { executor: '1' });
    story.job(1, 'aglais-cell:4:def', [1, 1]).stage(1, 1);
    expect(ids(story, clock(story, 600_000))).toEqual([]);
  });

  it('ends when the pod is deleted, or the application ends', () => {
    const given = pod({
      node: null,
      state: null,
      conditions: [UNSCHEDULABLE],
      deletion: { timestamp: AT, grace: 0 }
    });
    const story = new Story(KUBERNETES).executor('2').job(0, CELL, [0, 1]).stage(0, 1);
    story.task(0, 0, { executor: '2' }).jobEnd(0);
    expect(ids(story, pods(given))).toEqual([]);
    expect(ids(story, pods(nowhere))).toEqual(['cluster-pending:application info certain']);
    expect(ids(story.end(), pods(nowhere))).toEqual([]);
  });
});
