import { describe, expect, it } from '@jest/globals';
import { Pods } from '../src/application/pod-facts.js';
import { LogRecords, readPod } from '../src/index.js';
import { event, pod, terminated } from './kubernetes.js';
import { pythonCrash, Story } from './story.js';
import {
  CELL,
  KUBERNETES,
  AT,
  type More,
  diagnose,
  findings,
  ids,
  pods,
  events,
  losing
} from './stories-with-evidence.js';

const SIGKILL =
  'The executor with id 1 exited with exit code 137(SIGKILL, possible container OOM).';

const DELETED = 'The executor with id 1 was deleted by a user or the framework.';

describe('the status of an executor pod', () => {
  it('makes an OOM kill certain, however late it arrives, with the limit in effect', () => {
    const story = losing(SIGKILL);
    expect(ids(story)).toEqual(['executor-oom-killed:cell:3:abc warning likely']);
    const [finding] = findings(
      story,
      pods(pod({ state: terminated(137, 'OOMKilled', AT), limit: '900Mi' }))
    );
    expect(finding).toMatchObject({ id: 'executor-oom-killed:cell:3:abc', confidence: 'certain' });
    expect(finding!.explanation).toMatch(/limit 900 MiB, maximum Java heap 512 MiB/);
    expect(finding!.evidence.map(({ source }) => source)).toContain('container');
  });

  it('reports a kill that Spark does not mention', () => {
    const story = losing(DELETED);
    expect(ids(story)).toEqual(['executor-lost:cell:3:abc warning likely']);
    expect(ids(story, pods(pod({ state: terminated(137, 'OOMKilled', AT) })))).toEqual([
      'executor-oom-killed:cell:3:abc warning certain'
    ]);
  });

  it('with another exit code means a child: the executor was not OOM-killed', () => {
    const story = losing('The executor with id 1 exited with exit code 143(SIGTERM).');
    expect(ids(story, pods(pod({ state: terminated(143, 'OOMKilled', AT) })))).toEqual([
      'executor-lost:cell:3:abc warning likely'
    ]);
  });

  it('proves why Python workers died, if the container ended in another way', () => {
    const story = new Story(KUBERNETES).executor('1').job(0, CELL, [0, 1]).stage(0, 1);
    story.task(0, 0, { executor: '1' }, pythonCrash).task(0, 0, { executor: '1' }).jobEnd(0).end();
    expect(ids(story)).toEqual(['python-worker-died:cell:3:abc warning likely']);
    for (const code of [0, 143]) {
      expect(ids(story, pods(pod({ state: terminated(code, 'OOMKilled', AT) })))).toEqual([
        'python-worker-died:cell:3:abc warning certain'
      ]);
    }
  });

  it('shows the limit that was in effect then, even if it was raised afterwards', () => {
    const story = new Story(KUBERNETES).executor('1').job(0, CELL, [0, 1]).stage(0, 1);
    story.task(0, 0, { executor: '1' }, pythonCrash).task(0, 0, { executor: '1' }).jobEnd(0).end();
    const died = findings(story)[0]!.firstSeen;
    const limits = (memory: string) =>
      `Pod resize completed: {"containers":[{"name":"spark-kubernetes-executor","resources":{"limits":{"memory":"${memory}"}}}],"generation":2}`;
    const raised = (at: number, memory: string): More =>
      events(
        event('ResizeCompleted', limits(memory), 'app-exec-1', new Date(died + at).toISOString())
      );
    const before = pods(pod({ limit: '812Mi', version: 1 }));
    const after = pods(pod({ limit: '2Gi', version: 9 }));
    const told = (...more: More[]) => findings(story, ...more)[0]!.explanation;
    expect(told(before, after, raised(500, '2Gi'))).toMatch(/executor limit 812 MiB/);
    // The kubelet reports whole seconds: what it did in the second of the exit came after it.
    expect(told(before, after, raised(-500, '2Gi'))).toMatch(/executor limit 812 MiB/);
    expect(told(after, before, raised(-5_000, '1Gi'), raised(500, '2Gi'))).toMatch(
      /executor limit 1\.0 GiB/
    );
  });

  it('shows the current limit: that of a running pod may be raised', () => {
    const story = new Story(KUBERNETES).executor('1');
    const shown = (...more: More[]) => {
      const diagnosis = diagnose(story, ...more);
      return [diagnosis.executors()[0]!.memory.limitMiB, diagnosis.driverMemory().limitMiB];
    };
    expect(shown()).toEqual([812, null]);
    const before = pods(pod({ limit: '812Mi', version: 1 }));
    const after = pods(pod({ limit: '2Gi', version: 9 }));
    expect(shown(after, before)).toEqual([2048, null]);
  });

  it('is not an OOM kill if the pod was stopped and did not exit in time', () => {
    const stopped = pod({
      state: terminated(137, 'OOMKilled', '2026-11-20T23:36:01Z'),
      deletion: { timestamp: '2026-11-20T23:36:00Z', grace: 30 }
    });
    expect(ids(losing(DELETED), pods(stopped))).toEqual([
      'executor-lost:cell:3:abc warning likely'
    ]);
  });

  it('lowers the confidence of a SIGKILL that the kubelet does not attribute to memory', () => {
    const story = losing(SIGKILL);
    expect(ids(story, pods(pod({ state: terminated(137, 'Error', AT) })))).toEqual([
      'executor-lost:cell:3:abc warning likely'
    ]);
  });

  it('shows that it was evicted, why, and what would help', () => {
    const evicted = pod({
      reason: 'Evicted',
      message: 'Usage of EmptyDir volume "spark-local-dir-1" exceeds the limit "1Gi". ',
      state: terminated(137, 'Error', AT)
    });
    const [finding, ...others] = findings(losing(SIGKILL), pods(evicted));
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      id: 'executor-evicted:cell:3:abc',
      confidence: 'certain',
      severity: 'warning',
      advice: [
        {
          action: 'set',
          conf: {
            'spark.kubernetes.executor.volumes.emptyDir.spark-local-dir-1.options.sizeLimit': '2Gi'
          }
        },
        { action: 'code' }
      ]
    });
    expect(finding!.explanation).toMatch(
      /EmptyDir volume "spark-local-dir-1" exceeds the limit "1Gi"/
    );
    expect(finding!.advice[1]!.sentence).not.toMatch(/not your code/);
  });

  it('does not advise a property for scratch space from a pod template', () => {
    const evicted = pod({
      reason: 'Evicted',
      message: 'Usage of EmptyDir volume "spark-local-dir-1" exceeds the limit "1Gi". ',
      state: terminated(137, 'Error', AT)
    });
    const template = {
      ...KUBERNETES,
      'spark.kubernetes.executor.podTemplateFile': '/conf/template.yaml'
    };
    const [finding] = findings(losing(SIGKILL, template), pods(evicted));
    expect(finding!.advice.map(({ sentence }) => sentence)).toEqual([
      expect.stringMatching(/^Write less per task/),
      expect.stringMatching(
        /administrators to give each executor 2Gi of scratch space instead of 1Gi/
      )
    ]);
  });

  it('shows that a pod of higher priority preempted it', () => {
    const condition = {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'PreemptionByScheduler',
      message: 'default-scheduler: preempting to accommodate a higher priority pod',
      lastTransitionTime: AT
    };
    expect(ids(losing(DELETED), pods(pod({ conditions: [condition] })))).toEqual([
      'executor-preempted:cell:3:abc warning certain'
    ]);
    expect(
      ids(losing(DELETED), events(event('Preempted', 'Preempted by pod 123 on node n')))
    ).toEqual(['executor-preempted:cell:3:abc warning certain']);
  });

  it('of another application is ignored', () => {
    const other = pod({ application: 'app-2', state: terminated(137, 'OOMKilled', AT) });
    expect(ids(losing(SIGKILL), pods(other))).toEqual([
      'executor-oom-killed:cell:3:abc warning likely'
    ]);
    const plain = pod({ role: null, name: 'somebody', state: terminated(137, 'OOMKilled', AT) });
    expect(ids(losing(SIGKILL), pods(plain))).toEqual([
      'executor-oom-killed:cell:3:abc warning likely'
    ]);
  });

  it('is not needed if Spark quotes the eviction', () => {
    const reason = `The executor with id 1 exited with exit code 143.
The API gave the following brief reason: Evicted
The API gave the following message: The node was low on resource: ephemeral-storage. Container spark-kubernetes-executor was using 9Gi, which exceeds its request of 0. `;
    const [finding, ...others] = findings(losing(reason));
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ code: 'executor-evicted', confidence: 'certain' });
    expect(finding!.explanation).toMatch(/low on resource: ephemeral-storage/);
  });
});

describe('the stored state of other pods', () => {
  it('does not grow with healthy pods or irrelevant messages', () => {
    const all = new Pods();
    for (let id = 0; id < 20_000; id += 1) {
      const one = pod({ executor: String(id), name: `app-exec-${id}` });
      all.observe(readPod(one as never, 'pods.json:1')!);
    }
    expect(all.size).toBeLessThanOrEqual(4000);
    const records = new LogRecords('log');
    for (let line = 0; line < 20_000; line += 1) {
      expect(
        records.push(`26/11/20 23:41:05 INFO TaskSetManager: Finished task ${line}`, line)
      ).toBeNull();
    }
  });
});
