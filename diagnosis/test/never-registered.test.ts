import type { Finding } from '@aglais/protocol';
import { describe, expect, it } from '@jest/globals';
import { Diagnosis, observeEvidence, type Observation } from '../src/index.js';
import { event, pod, terminated, text } from './kubernetes.js';
import { Story } from './story.js';

const CELL = 'aglais-cell:3:abc';
const CONF = {
  'spark.master': 'k8s://https://10.0.0.1:443',
  'spark.executor.memory': '512m',
  'spark.executor.memoryOverhead': '300m',
  'spark.kubernetes.executor.podNamePrefix': 'app'
};

/** Times of a story are seconds of this hour. */
const iso = (ms: number) => new Date(ms).toISOString();

function findings(story: Story, pods: object[], ...more: Observation[]): Finding[] {
  const diagnosis = new Diagnosis();
  // Pods are observed before the events of the log, as on a busy machine.
  observeEvidence(diagnosis, 'pods', text(...pods), 'pods');
  for (const one of [...story.observations, ...more]) diagnosis.observe(one);
  return diagnosis.findings();
}

const dying = (ids: number[], exitCode: number, reason: string, from: number, message?: string) =>
  ids.map(id => {
    const { terminated: end } = terminated(exitCode, reason, iso(from + id * 2_000)) as {
      terminated: object;
    };
    const state = { terminated: { ...end, ...(message && { message }) } };
    return pod({ executor: String(id), state });
  });

const waiting = (): Story => new Story(CONF).job(0, CELL, [0, 1]).stage(0, 1);
const clock = (story: Story, ms: number): Observation => ({ kind: 'time', at: story.now + ms });
const MANY = Array.from({ length: 200 }, (_, index) => index + 1);

describe('executors that exit before they register', () => {
  it('are one finding under the waiting cell, with the last lines of their logs', () => {
    const story = waiting();
    const pods = dying(MANY, 1, 'Error', story.now, 'usage: …\nUnrecognized option: -XX:Bad');
    const [finding, ...others] = findings(story, pods, clock(story, 500_000));
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      id: 'executor-lost:cell:3:abc',
      severity: 'warning',
      confidence: 'likely',
      title: '200 executors exited before they registered with the driver',
      count: 200,
      advice: [{ hint: 'look-at-executors' }]
    });
    expect(finding!.explanation).toMatch(
      /200 executors \(.*\) exited with code 1 before they registered/
    );
    expect(finding!.evidence[0]!.quote).toContain('Unrecognized option: -XX:Bad');
    expect(finding!.effects.join()).toMatch(
      /has been waiting for executors for .*no task has started/
    );
  });

  it('are certain once the log has continued without them, and stay with the cell when it has failed', () => {
    const story = waiting();
    const pods = dying([1, 2, 3], 1, 'Error', story.now);
    story.wait(30_000).jobEnd(0, 'gave up');
    expect(findings(story, pods).find(({ code }) => code === 'executor-lost')).toMatchObject({
      id: 'executor-lost:cell:3:abc',
      confidence: 'certain',
      count: 3,
      severity: 'warning'
    });
  });

  it('are reported even if their pods are deleted in the second of their exit', () => {
    const story = waiting();
    const seen = dying(MANY, 1, 'Error', story.now);
    const cleared = MANY.map(id => {
      const timestamp = iso(story.now + id * 2_000 + 1_000);
      const state = terminated(1, 'Error', iso(story.now + id * 2_000));
      const deletion = { timestamp, grace: 0 };
      return pod({ executor: String(id), state, deletion, version: 2 });
    });
    for (const pods of [
      [...seen, ...cleared],
      [...cleared, ...seen]
    ])
      expect(findings(story, pods, clock(story, 500_000))).toMatchObject([{ count: 200 }]);
    // Their end was not observed before: their deletion may have been requested.
    expect(findings(story, cleared, clock(story, 500_000)).map(({ code }) => code)).not.toContain(
      'executor-lost'
    );
  });

  it.each([
    ['executor-oom-killed', terminated(137, 'OOMKilled', iso(1_004_000)), {}],
    ['executor-oom-killed', terminated(1, 'OOMKilled', iso(1_004_000)), {}],
    [
      'executor-evicted',
      terminated(143, 'Error', iso(1_004_000)),
      { reason: 'Evicted', message: 'The node was low on resource: memory.' }
    ]
  ])('are reported as %s, too', (code, state, more) => {
    const story = waiting();
    const told = findings(story, [pod({ state, ...more })], clock(story, 10_000));
    expect(told).toMatchObject([{ id: `${code}:cell:3:abc`, severity: 'warning', count: 1 }]);
    expect(told[0]!.explanation).toContain('before it registered with the driver');
  });

  it('because of preemption are reported, too', () => {
    const story = waiting();
    const condition = {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'PreemptionByScheduler',
      message: 'default-scheduler: preempting to accommodate a higher priority pod',
      lastTransitionTime: iso(story.now + 3_000)
    };
    expect(findings(story, [pod({ conditions: [condition] })])).toMatchObject([
      { id: 'executor-preempted:cell:3:abc' }
    ]);
  });

  it('are known from their pods although Spark logs that they were removed', () => {
    const story = waiting();
    const pods = dying([1, 2, 3], 137, 'OOMKilled', story.now);
    for (const id of ['1', '2', '3']) {
      story
        .wait(3_000)
        .removed(
          id,
          'The executor with id 1 exited with exit code 137(SIGKILL, possible container OOM).'
        );
    }
    const told = findings(story, pods, clock(story, 60_000));
    expect(told).toMatchObject([
      { id: 'executor-oom-killed:cell:3:abc', count: 3, severity: 'warning' }
    ]);
    expect(told[0]!.explanation).toContain('before they registered with the driver');
    expect(told[0]!.effects.join()).toContain('no task has started');
    const diagnosis = new Diagnosis();
    for (const one of story.observations) diagnosis.observe(one);
    expect(diagnosis.executors()).toMatchObject([
      { id: '1', state: 'lost', removedReason: expect.stringContaining('137') as unknown },
      { id: '2', state: 'lost' },
      { id: '3', state: 'lost' }
    ]);
  });

  it('count together with those from before the cell, and belong to the application while no cell waits', () => {
    const story = new Story(CONF);
    const early = dying([1, 2, 3], 1, 'Error', story.now);
    expect(findings(story, early)).toMatchObject([
      { id: 'executor-lost:application', severity: 'warning', count: 3 }
    ]);
    story.wait(20_000).job(0, CELL, [0, 1]).stage(0, 1);
    const late = dying([4, 5], 1, 'Error', story.now);
    expect(findings(story, [...early, ...late])).toMatchObject([
      { id: 'executor-lost:cell:3:abc', count: 5 }
    ]);
  });

  it('are only a note if another one replaced them', () => {
    const story = new Story(CONF);
    const one = dying([1], 1, 'Error', story.now);
    story.wait(10_000).executor('2').job(0, CELL, [0, 1]).stage(0, 1);
    story.task(0, 0, { executor: '2' }).jobEnd(0);
    expect(findings(story, one)).toMatchObject([
      { id: 'executor-lost:application', severity: 'info', confidence: 'certain' }
    ]);
  });

  it('do not include registered ones, removed ones, or those that exited with the driver', () => {
    const idle = new Story(CONF).executor('1').job(0, CELL, [0, 1]).stage(0, 1);
    idle.task(0, 0, { executor: '1' }).jobEnd(0);
    expect(findings(idle, dying([1], 1, 'Error', idle.now))).toEqual([]);

    const story = waiting();
    const [back] = dying([1], 143, 'Error', story.now) as [{ metadata: Record<string, unknown> }];
    back.metadata['deletionTimestamp'] = iso(story.now + 2_000);
    back.metadata['deletionGracePeriodSeconds'] = 0;
    expect(findings(story, [back])).toEqual([]);
    const fewer = waiting()
      .wait(3_000)
      .removed('1', 'The executor with id 1 exited with exit code 143(SIGTERM).');
    expect(findings(fewer, [back])).toEqual([]);

    const killed = terminated(137, 'Error', iso(story.now + 5_000));
    const driver = pod({ role: 'driver', name: 'app-driver', state: killed });
    const late = dying([3, 4], 1, 'Error', story.now);
    expect(findings(story, [driver, ...late]).map(({ code }) => code)).not.toContain(
      'executor-lost'
    );
    story.wait(1_000).end();
    expect(findings(story, dying([1], 1, 'Error', story.now))).toEqual([]);
  });

  it('do not include those of a long application that were removed normally', () => {
    const story = new Story(CONF);
    for (const id of MANY)
      story.executor(String(id)).removed(String(id), 'Executor killed by driver.');
    expect(findings(story, dying(MANY, 0, 'Completed', story.now - 1_000_000))).toEqual([]);
  });

  it('have the image as their cause if they do not even start, under the waiting cell', () => {
    const story = waiting();
    const waitingPod = pod({
      state: {
        waiting: { reason: 'ErrImagePull', message: 'pulling image "no/such:1": not found' }
      }
    });
    expect(findings(story, [waitingPod], clock(story, 90_000))).toMatchObject([
      { id: 'image-failed:cell:3:abc', severity: 'error' }
    ]);
    const failed = dying([1, 2, 3], 128, 'StartError', story.now, 'exec: "/nothing": no such file');
    expect(findings(story, failed, clock(story, 90_000))).toMatchObject([
      { id: 'image-failed:cell:3:abc', count: 3 }
    ]);
  });

  it('are known from events alone, if their pods were not observed', () => {
    const story = waiting();
    const diagnosis = new Diagnosis();
    for (const one of story.observations) diagnosis.observe(one);
    const evicted = event(
      'Evicted',
      'The node was low on resource: memory.',
      'app-exec-7',
      iso(story.now + 1_000)
    );
    observeEvidence(diagnosis, 'events', text(evicted), 'events');
    expect(diagnosis.findings()).toMatchObject([{ id: 'executor-evicted:cell:3:abc' }]);
  });
});
