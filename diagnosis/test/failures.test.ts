import type { Finding } from '@aglais/protocol';
import { describe, expect, it } from '@jest/globals';
import { Pods } from '../src/application/pod-facts.js';
import {
  Diagnosis,
  LogRecords,
  observeEvidence,
  readPod,
  type EvidenceKind,
  type Observation
} from '../src/index.js';
import { event, pod, terminated, text, UNSCHEDULABLE } from './kubernetes.js';
import { WorkStory } from './work.js';
import { exception, fetchFailed, lost, pythonCrash, resubmitted, Story } from './story.js';

const CELL = 'aglais-cell:3:abc';
const KUBERNETES = {
  'spark.master': 'k8s://https://10.0.0.1:443',
  'spark.executor.memory': '512m',
  'spark.executor.memoryOverhead': '300m',
  'spark.kubernetes.executor.podNamePrefix': 'app',
  'spark.kubernetes.driver.pod.name': 'app-driver'
};
const AT = '2026-11-20T23:35:43Z';

type More = [EvidenceKind, string] | Observation;

function diagnose(story: Story | null, ...more: More[]): Diagnosis {
  const diagnosis = new Diagnosis();
  for (const observation of story?.observations ?? []) diagnosis.observe(observation);
  for (const one of more) {
    if (Array.isArray(one)) observeEvidence(diagnosis, one[0], one[1], one[0]);
    else diagnosis.observe(one);
  }
  return diagnosis;
}

function findings(story: Story | null, ...more: More[]): Finding[] {
  return diagnose(story, ...more).findings();
}

function ids(story: Story | null, ...more: More[]): string[] {
  return findings(story, ...more).map(
    ({ id, severity, confidence }) => `${id} ${severity} ${confidence}`
  );
}

function pods(...all: object[]): More {
  return ['pods', text(...all)];
}

function events(...all: object[]): More {
  return ['events', text(...all)];
}

/** Executor 1 goes away with a task; executor 2 then does it. */
function losing(reason: string, conf: Record<string, string> = KUBERNETES): Story {
  const story = new Story(conf).executor('1', '2').job(0, CELL, [0, 2]).stage(0, 2);
  const doomed = story.start(0, 0, { executor: '1', ms: 4000 });
  story.task(0, 1, { executor: '2' });
  doomed(lost('1', reason)).removed('1', reason);
  return story.wait(500).task(0, 0, { executor: '2', ms: 3000 }).stageEnd(0, 2).jobEnd(0);
}

/** A job that fails because one task fails with the same exception again and again. */
function failing(reason: object, message: string, conf: Record<string, string> = {}): Story {
  const story = new Story(conf).executor('1').job(0, CELL, [0, 1]).stage(0, 1);
  for (let attempt = 0; attempt < 4; attempt += 1) story.task(0, 0, { executor: '1' }, reason);
  const said = `Job aborted due to stage failure: Task 0 in stage 0.0 failed 4 times, most recent failure: Lost task 0.3 in stage 0.0 (TID 4) (10.0.0.1 executor 1): ${message}`;
  return story.stageEnd(0, 1, 0, said).jobEnd(0, said);
}

const SIGKILL =
  'The executor with id 1 exited with exit code 137(SIGKILL, possible container OOM).';
const DELETED = 'The executor with id 1 was deleted by a user or the framework.';

describe('the status of an executor pod', () => {
  it('makes a kill certain, however late it comes, with the limit that was in force', () => {
    const story = losing(SIGKILL);
    expect(ids(story)).toEqual(['executor-oom-killed:cell:3:abc warning likely']);
    const [finding] = findings(
      story,
      pods(pod({ state: terminated(137, 'OOMKilled', AT), limit: '900Mi' }))
    );
    expect(finding).toMatchObject({ id: 'executor-oom-killed:cell:3:abc', confidence: 'certain' });
    expect(finding!.explanation).toMatch(/limit 900 MiB, the Java heap may take 512 MiB/);
    expect(finding!.evidence.map(({ source }) => source)).toContain('container');
  });

  it('tells of a kill that Spark says nothing of', () => {
    const story = losing(DELETED);
    expect(ids(story)).toEqual(['executor-lost:cell:3:abc warning likely']);
    expect(ids(story, pods(pod({ state: terminated(137, 'OOMKilled', AT) })))).toEqual([
      'executor-oom-killed:cell:3:abc warning certain'
    ]);
  });

  it('with another exit code means a child: the executor was not killed for memory', () => {
    const story = losing('The executor with id 1 exited with exit code 143(SIGTERM).');
    expect(ids(story, pods(pod({ state: terminated(143, 'OOMKilled', AT) })))).toEqual([
      'executor-lost:cell:3:abc warning likely'
    ]);
  });

  it('proves why Python workers vanished, if the container ended in another way', () => {
    const story = new Story(KUBERNETES).executor('1').job(0, CELL, [0, 1]).stage(0, 1);
    story.task(0, 0, { executor: '1' }, pythonCrash).task(0, 0, { executor: '1' }).jobEnd(0).end();
    expect(ids(story)).toEqual(['python-worker-died:cell:3:abc warning likely']);
    for (const code of [0, 143]) {
      expect(ids(story, pods(pod({ state: terminated(code, 'OOMKilled', AT) })))).toEqual([
        'python-worker-died:cell:3:abc warning certain'
      ]);
    }
  });

  it('tells the limit that was in force then, also when it was raised afterwards', () => {
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
    expect(told(before, after, raised(500, '2Gi'))).toMatch(/limit of the executor 812 MiB/);
    // The kubelet tells whole seconds: what it did in the second of the death came after it.
    expect(told(before, after, raised(-500, '2Gi'))).toMatch(/limit of the executor 812 MiB/);
    expect(told(after, before, raised(-5_000, '1Gi'), raised(500, '2Gi'))).toMatch(
      /limit of the executor 1 GiB/
    );
  });

  it('tells the limit that is in force now: of a pod that lives it may be raised', () => {
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

  it('is no kill for memory if the pod was stopped and did not obey', () => {
    const stopped = pod({
      state: terminated(137, 'OOMKilled', '2026-11-20T23:36:01Z'),
      deletion: { timestamp: '2026-11-20T23:36:00Z', grace: 30 }
    });
    expect(ids(losing(DELETED), pods(stopped))).toEqual([
      'executor-lost:cell:3:abc warning likely'
    ]);
  });

  it('weakens a SIGKILL that the kubelet does not put down to memory', () => {
    const story = losing(SIGKILL);
    expect(ids(story, pods(pod({ state: terminated(137, 'Error', AT) })))).toEqual([
      'executor-lost:cell:3:abc warning likely'
    ]);
  });

  it('tells that it was evicted, for what, and what would help', () => {
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

  it('does not advise a property for scratch that a pod template brings', () => {
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
      expect.stringMatching(/^Let each task write less/),
      expect.stringMatching(/platform give each executor 2Gi of scratch space in place of 1Gi/)
    ]);
  });

  it('tells that a pod of higher priority took its place', () => {
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

  it('of another application says nothing of this one', () => {
    const other = pod({ application: 'app-2', state: terminated(137, 'OOMKilled', AT) });
    expect(ids(losing(SIGKILL), pods(other))).toEqual([
      'executor-oom-killed:cell:3:abc warning likely'
    ]);
    const plain = pod({ role: null, name: 'somebody', state: terminated(137, 'OOMKilled', AT) });
    expect(ids(losing(SIGKILL), pods(plain))).toEqual([
      'executor-oom-killed:cell:3:abc warning likely'
    ]);
  });

  it('in Spark’s own words of an eviction needs no pod', () => {
    const reason = `The executor with id 1 exited with exit code 143.
The API gave the following brief reason: Evicted
The API gave the following message: The node was low on resource: ephemeral-storage. Container spark-kubernetes-executor was using 9Gi, which exceeds its request of 0. `;
    const [finding, ...others] = findings(losing(reason));
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ code: 'executor-evicted', confidence: 'certain' });
    expect(finding!.explanation).toMatch(/low on resource: ephemeral-storage/);
  });
});

describe('an executor that is silent', () => {
  it('is told with how long; on Kubernetes behind its mask', () => {
    const [finding] = findings(losing('Executor heartbeat timed out after 131072 ms'));
    expect(finding).toMatchObject({ code: 'executor-heartbeat-timeout', confidence: 'certain' });
    expect(finding!.explanation).toMatch(/stopped answering the driver for 2 min/);
    expect(ids(losing('Executor killed by driver.'))).toEqual([
      'executor-heartbeat-timeout:cell:3:abc warning likely'
    ]);
    const log = `26/11/20 23:41:05 WARN HeartbeatReceiver: Removing executor 1 with no recent heartbeats: 155000 ms exceeds timeout 120000 ms`;
    expect(ids(losing('Executor killed by driver.'), ['stderr', log])).toEqual([
      'executor-heartbeat-timeout:cell:3:abc warning certain'
    ]);
  });

  it('is taken back, not silent, if nothing ran on it', () => {
    const story = new Story(KUBERNETES).executor('1', '2').job(0, CELL, [0, 1]).stage(0, 1);
    story.task(0, 0, { executor: '2' }).jobEnd(0).removed('1', 'Executor killed by driver.');
    expect(ids(story)).toEqual([]);
  });
});

describe('YARN', () => {
  const conf = { 'spark.master': 'yarn', 'spark.executor.memory': '512m' };

  it('preempts containers, and loses the disks of its nodes', () => {
    expect(
      ids(losing('Container container_1_0001_01_000002 on host: h was preempted.', conf))
    ).toEqual(['executor-preempted:cell:3:abc warning certain']);
    const bad =
      'Container marked as failed: container_1_0001_01_000002 on host: h. Exit status: -101. Diagnostics: 1/1 local-dirs are bad: /data/yarn/local;.';
    expect(ids(losing(bad, conf))).toEqual(['disk-full:cell:3:abc warning certain']);
  });

  it('names containers; the addresses of logs in Spark’s events say whose they are', () => {
    const story = new Story(conf);
    story.event('SparkListenerExecutorAdded', {
      Timestamp: story.now,
      'Executor ID': '1',
      'Executor Info': {
        Host: 'h',
        'Total Cores': 1,
        'Log Urls': {
          stderr: 'http://h:8042/node/containerlogs/container_1_0001_01_000002/u/stderr'
        }
      }
    });
    story.executor('2').job(0, CELL, [0, 1]).stage(0, 1);
    story.task(0, 0, { executor: '1' }, lost('1', 'Slave lost')).removed('1', 'Slave lost');
    story.task(0, 0, { executor: '2' }).jobEnd(0);
    expect(ids(story)).toEqual(['executor-lost:cell:3:abc warning likely']);
    const words =
      "Container [pid=7,containerID=container_1_0001_01_000002] is running beyond the 'PHYSICAL' memory limit. Current usage: 1.1 GB of 1 GB physical memory used; 3 GB of 2 GB virtual memory used. Killing container.";
    const [finding] = findings(story, ['yarn', words]);
    expect(finding).toMatchObject({ code: 'executor-oom-killed', confidence: 'certain' });
    expect(finding!.explanation).toMatch(/limit 1 GiB, 1.1 GiB in use/);
  });

  it('kills the driver with the ApplicationMaster in cluster mode only', () => {
    const words =
      'Application application_1_0001 failed 1 times due to AM Container for appattempt_1_0001_000001 exited with  exitCode: -104 Failing this attempt.Diagnostics: Container [pid=3,containerID=container_1_0001_01_000001] is running beyond physical memory limits. Current usage: 1.4 GB of 1.4 GB physical memory used. Killing container.';
    const cluster = { ...conf, 'spark.submit.deployMode': 'cluster' };
    const story = (of: Record<string, string>, id: string): Story =>
      new Story(of).event('SparkListenerApplicationStart', { 'App ID': id });
    const own = 'application_1_0001';
    expect(ids(story(cluster, own), ['yarn', words])).toEqual([
      'driver-oom-killed:application error certain'
    ]);
    expect(ids(story(conf, own), ['yarn', words])).toEqual([]);
    expect(ids(story(cluster, 'application_1_0002'), ['yarn', words])).toEqual([]);
  });
});

describe('the driver', () => {
  /** A cell whose job never ends. */
  const broken = (): Story => {
    const story = new Story(KUBERNETES).executor('1').job(0, CELL, [0, 1]).stage(0, 1);
    story.start(0, 0, { executor: '1' });
    return story;
  };
  const end: Observation = { kind: 'end' };
  const driver = (code: number, reason: string): More =>
    pods(pod({ role: 'driver', state: terminated(code, reason, AT), limit: '1536Mi' }));
  const gone: More = [
    'client',
    'Traceback (most recent call last):\nSparkConnectGrpcException: StatusCode.UNAVAILABLE failed to connect to all addresses'
  ];

  it('is killed for memory: the cell, what the client heard and the broken log are its effects', () => {
    const story = broken();
    const [finding, ...others] = findings(story, end, gone, driver(137, 'OOMKilled'));
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      id: 'driver-oom-killed:cell:3:abc',
      severity: 'error',
      confidence: 'certain',
      subject: { cell: 'abc', pod: 'app-driver' },
      effects: ['1 running job ended with it', 'the session ended with it']
    });
    expect(finding!.evidence.map(({ source }) => source)).toEqual(['container', 'client']);
  });

  it('is killed under the cell that used it then without a job, however late the cell ends', () => {
    const killedAt = Date.parse(AT);
    const run = (cell: string, from: number, to: number): Observation[] =>
      (['running', 'ok'] as const).map((outcome, index) => ({
        ...{ kind: 'cell', cell, run: 1, outcome },
        at: killedAt + (index === 0 ? from : to)
      }));
    const earlier = run('earlier', -9_000, -4_000);
    const later = run('later', 7_000, 8_000);
    const waiting = run('waiting', -3_000, 300_000);
    const told = (...more: More[]) =>
      ids(new Story(KUBERNETES), end, driver(137, 'OOMKilled'), ...more);
    expect(told(...earlier, ...waiting, ...later)).toEqual([
      'driver-oom-killed:cell:1:waiting error certain'
    ]);
    expect(told(...earlier, ...later)).toEqual(['driver-oom-killed:application error certain']);
  });

  it('is found by the name of its pod where it has no labels of Spark', () => {
    const state = terminated(137, 'OOMKilled', AT);
    expect(ids(broken(), pods(pod({ role: null, name: 'app-driver', state })))).toEqual([
      'driver-oom-killed:cell:3:abc error certain'
    ]);
  });

  it('is stopped like all pods at the end, and that is nothing', () => {
    const stopped = pod({
      role: 'driver',
      state: terminated(143, 'Error', AT),
      deletion: { timestamp: '2026-11-20T23:36:00Z', grace: 30 }
    });
    expect(ids(new Story(KUBERNETES).end(), end, pods(stopped))).toEqual([]);
  });

  it('runs out of heap: by its exit code, by its log, or by results that nobody could fetch', () => {
    expect(ids(broken(), end, driver(52, 'Error'))).toEqual([
      'driver-heap-oom:cell:3:abc error certain'
    ]);
    const log: More = [
      'stderr',
      'Exception in thread "main" java.lang.OutOfMemoryError: Java heap space'
    ];
    expect(ids(broken(), log)).toEqual(['driver-heap-oom:cell:3:abc warning certain']);
    const results = failing(
      { Reason: 'TaskResultLost' },
      'TaskResultLost (result lost from block manager)'
    );
    expect(ids(results)).toEqual(['driver-heap-oom:cell:3:abc error likely']);
    expect(ids(results, log)).toEqual(['driver-heap-oom:cell:3:abc error certain']);
  });

  it('ends with a full heap where the machine is told to: the cell that heard of it failed by it', () => {
    const log: More = ['stderr', 'Terminating due to java.lang.OutOfMemoryError: Java heap space'];
    const error = { name: 'SparkConnectGrpcException', message: 'StatusCode.UNAVAILABLE' };
    const heard: More = { kind: 'cell', cell: 'abc', run: 3, at: 9e6, outcome: 'error', error };
    const idle = new Story().executor('1').job(0, CELL, [0, 1]).stage(0, 1);
    idle.task(0, 0, { executor: '1' }).stageEnd(0, 1).jobEnd(0);
    for (const story of [broken(), idle]) {
      expect(ids(story, end, heard, log)).toEqual(['driver-heap-oom:cell:3:abc error certain']);
    }
    expect(findings(idle, end, heard, log)[0]!.explanation).toMatch(
      /^This cell failed because the Java heap of the driver was full/
    );
  });

  it('that ran out of heap is advised by its peak and by the size of what it was to hold', () => {
    const conf = { 'spark.driver.memory': '1g' };
    const story = new Story(conf).executor('1').job(0, CELL, [0, 8]).stage(0, 8);
    story.event('SparkListenerStageExecutorMetrics', {
      'Executor ID': 'driver',
      'Executor Metrics': { JVMHeapMemory: 1000 * 2 ** 20 }
    });
    const where = { 'Stage ID': 0, 'Stage Attempt ID': 0 };
    for (const index of [0, 1]) {
      const info = { 'Task ID': index, Index: index, 'Launch Time': story.now, 'Executor ID': '1' };
      story.event('SparkListenerTaskEnd', {
        ...where,
        'Task End Reason': { Reason: 'Success' },
        'Task Info': { ...info, 'Finish Time': story.now + 1000 },
        'Task Metrics': { 'Result Size': 400 * 2 ** 20 }
      });
    }
    const said =
      'Job aborted due to stage failure: TaskResultLost (result lost from block manager)';
    for (let attempt = 0; attempt < 4; attempt += 1) {
      story.task(0, 2, { executor: '1' }, { Reason: 'TaskResultLost' });
    }
    const [finding] = findings(story.stageEnd(0, 8, 0, said).jobEnd(0, said));
    // 1 GiB as now, and 8 × 400 MiB.
    expect(finding!.advice[1]).toEqual({
      action: 'resize',
      shape: { driverMemoryMiB: 4224 },
      sentence:
        'Ask for 4.1 GiB of Java heap for the driver in place of 1 GiB (1 GiB of it was in use at most when measured). ' +
        'The results of 2 of 8 tasks took 800 MiB; all of them would take about 3.1 GiB.'
    });
    expect(finding!.explanation).toContain('results of 4 finished task attempts');
  });

  it('cannot fetch results of an executor that is lost: that is the executor’s incident', () => {
    const story = new Story().executor('1', '2').job(0, CELL, [0, 1]).stage(0, 1);
    story.removed('1', 'Command exited with code 137');
    story.task(0, 0, { executor: '1' }, { Reason: 'TaskResultLost' }).task(0, 0, { executor: '2' });
    expect(ids(story.jobEnd(0))).toEqual(['executor-oom-killed:cell:3:abc warning likely']);
  });

  it('gives up when too many executors have failed', () => {
    const log = 'ERROR ExecutorPodsLifecycleManager: Max number of executor failures (4) reached';
    const expected = ['too-many-executor-failures:cell:3:abc error certain'];
    expect(ids(broken(), end, ['stderr', `26/11/20 23:41:05 ${log}`])).toEqual(expected);
    expect(ids(broken(), end, driver(11, 'Error'))).toEqual(expected);
  });
});

describe('the notebook', () => {
  const labels = { component: 'singleuser-server' };

  it('is killed for memory with its kernel', () => {
    const state = terminated(137, 'OOMKilled', AT);
    const notebook = pod({ role: null, labels, name: 'jupyter-ada', state, limit: '2Gi' });
    const [finding, ...others] = findings(new Story(), pods(notebook));
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      code: 'kernel-oom-killed',
      confidence: 'certain',
      subject: { pod: 'jupyter-ada' }
    });
    expect(finding!.explanation).toMatch(/limit 2 GiB/);
  });

  it('had a process killed: probably the kernel, certainly if the kernel died', () => {
    const kill: Observation = {
      kind: 'cgroup',
      executor: 'kernel',
      at: 1_000_500,
      oomKills: 1,
      limitMiB: 2048,
      peakMiB: 2048,
      quote: 'oom_kill 1',
      ref: 'cgroup'
    };
    expect(ids(new Story(), kill)).toEqual(['kernel-oom-killed:application error likely']);
    const error = { name: 'DeadKernelError', message: 'Kernel died' };
    const cell: Observation = {
      kind: 'cell',
      cell: 'abc',
      run: 3,
      outcome: 'error',
      at: 1_000_600,
      error
    };
    expect(ids(new Story(), kill, cell)).toEqual(['kernel-oom-killed:application error certain']);
  });

  const died = (more: object = {}): Observation => ({
    kind: 'kernel-died',
    at: 1_000_600,
    exitCode: -9,
    cell: 'abc',
    run: 3,
    killed: 1,
    limitMiB: 2048,
    quote: 'oom_kill 1',
    ref: 'jupyter-ada /sys/fs/cgroup/memory.events',
    ...more
  });
  const atCell: Observation = {
    kind: 'cell',
    cell: 'abc',
    run: 3,
    outcome: 'running',
    at: 1_000_000
  };

  it('had its kernel killed, as its Jupyter Server saw: certainly, under the cell that it was at', () => {
    const error = { name: 'DeadKernelError', message: 'The kernel died while this cell ran.' };
    const ended: Observation = { ...atCell, outcome: 'error', at: 1_000_600, error };
    // Another cell that runs later changes nothing.
    const later: Observation = { ...atCell, cell: 'def', run: 100_001, at: 1_002_000 };
    for (const story of [
      [atCell, ended, died()],
      [died(), ended, atCell, later, died()]
    ]) {
      const [finding, ...others] = findings(new Story(), ...story);
      expect(others).toEqual([]);
      expect(finding).toMatchObject({
        id: 'kernel-oom-killed:cell:3:abc',
        severity: 'error',
        confidence: 'certain',
        subject: { cell: 'abc', run: 3 },
        count: 1,
        advice: [{ action: 'notebook-memory', memoryMiB: 4096 }, { action: 'code' }]
      });
      expect(finding!.explanation).toMatch(
        /^This cell failed because .* killed the notebook's own process \(limit 2 GiB\)/
      );
      expect(finding!.evidence).toContainEqual({
        source: 'cgroup',
        at: 1_000_600,
        quote: 'oom_kill 1',
        ref: 'jupyter-ada /sys/fs/cgroup/memory.events'
      });
    }
  });

  it('had its kernel killed twice: under each of the cells, or once where no cell of Spark ran', () => {
    const again = died({ at: 1_009_000, cell: 'def', run: 100_001, quote: 'oom_kill 2' });
    const cells = [atCell, { ...atCell, cell: 'def', run: 100_001 }];
    expect(ids(new Story(), ...cells, died(), again)).toEqual([
      'kernel-oom-killed:cell:3:abc error certain',
      'kernel-oom-killed:cell:100001:def error certain'
    ]);
    const none = { cell: null, run: null };
    const [finding, ...others] = findings(
      new Story(),
      died(none),
      died({ ...none, at: 2_000_000 })
    );
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ id: 'kernel-oom-killed:application', count: 2 });
  });

  it('whose kernel ended otherwise was not killed for memory', () => {
    expect(ids(new Story(), died({ exitCode: 1 }))).toEqual([]);
    expect(ids(new Story(), died({ killed: 0 }))).toEqual([]);
    expect(ids(new Story(), died({ exitCode: null }))).toEqual([
      'kernel-oom-killed:application error likely'
    ]);
  });
});

describe('a disk without space', () => {
  const full = exception(
    'java.io.IOException',
    'No space left on device',
    'java.io.IOException: No space left on device\n\tat x'
  );

  it('is one finding with all attempts, and not a failed task beside it', () => {
    const [finding, ...others] = findings(
      failing(full, 'java.io.IOException: No space left on device')
    );
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ id: 'disk-full:cell:3:abc', severity: 'error', count: 4 });
  });

  it('is advised by what the finished tasks had written, and what was still to come', () => {
    const story = (conf: Record<string, string>): WorkStory => {
      const work = new WorkStory(conf).with('1', '2');
      const done = { ms: 1000, shuffleWriteMiB: 300 };
      work.jobOf(CELL, [done, done, { ms: 2000, reason: full }, { ms: 2000, reason: full }], {
        tasks: 8
      });
      return work;
    };
    // Two of eight tasks wrote 300 MiB each, six were to come: 2400 MiB on two executors, and a quarter more.
    const [finding, ...others] = findings(story({}));
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ code: 'disk-full' });
    expect(finding!.advice[0]).toEqual({
      action: 'code',
      hint: 'scratch-space(1536m)',
      sentence:
        'Give each executor at least 1.5 GiB of scratch space: 300 MiB of shuffle data lay there on each executor ' +
        'when it was full, and by the tasks that came through, 900 MiB more were to come.'
    });
    const key = 'spark.kubernetes.executor.volumes.emptyDir.spark-local-dir-1.options.sizeLimit';
    const [limited] = findings(story({ 'spark.master': 'k8s://h', [key]: '512Mi' }));
    expect(limited!.advice[0]).toMatchObject({ action: 'set', conf: { [key]: '1536Mi' } });
    expect(limited!.advice[0]!.sentence).toContain('in place of 512 MiB');
  });

  it('is known by Hadoop’s and by Python’s words, too', () => {
    const hadoop = exception(
      'org.apache.hadoop.util.DiskChecker$DiskErrorException',
      'Could not find any valid local directory for s3ablock-0001-'
    );
    const python = exception(
      'org.apache.spark.api.python.PythonException',
      'Traceback (most recent call last):\n  File "/tmp/a.py", line 3, in f\nOSError: [Errno 28] No space left on device\n'
    );
    for (const reason of [hadoop, python]) {
      expect(ids(failing(reason, 'x'))).toContain('disk-full:cell:3:abc warning certain');
    }
  });

  it('of the driver is told by its log alone', () => {
    const log =
      '26/11/20 23:41:05 ERROR AsyncEventQueue: Listener EventLoggingListener threw an exception\njava.io.IOException: No space left on device';
    expect(ids(new Story(), ['stderr', log])).toEqual(['disk-full:application warning certain']);
  });
});

describe('work that waits for executors', () => {
  const waiting = (): Story => new Story(KUBERNETES).job(0, CELL, [0, 1]).stage(0, 1);
  const nowhere = pod({ node: null, state: null, conditions: [UNSCHEDULABLE], limit: '4Gi' });
  const clock = (story: Story, ms: number): Observation => ({ kind: 'time', at: story.now + ms });

  it('hangs after a while, by the clock of whoever watches', () => {
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

  it('is certain by the scheduler’s words, which are translated', () => {
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
      /4 GiB for each of 2 executors are not free: of 5 nodes 4 have too little memory, 1 had untolerated taint/
    );
  });

  it('is said with what the largest free node has, as far as that was recorded', () => {
    const room = (at: number, memoryMiB: number): Observation => ({
      kind: 'capacity',
      ...{ at, memoryMiB, cores: 3, ref: 'nodes' }
    });
    const [finding] = findings(waiting(), room(2_000, 2_150), pods(nowhere), room(1_000, 900));
    expect(finding!.explanation).toContain(
      'It needs 4 GiB; the largest free node has 2.1 GiB, some nodes are reserved for others.'
    );
    const three = ['1', '2', '3'].map(executor =>
      pod({ executor, node: null, state: null, conditions: [UNSCHEDULABLE], limit: '4Gi' })
    );
    expect(findings(waiting(), pods(...three), room(2_000, 2_150))[0]!.explanation).toContain(
      'It needs 4 GiB for each of 3 executors; the largest free node has 2.1 GiB'
    );
  });

  it('names processors where they are what is missing', () => {
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
      'It needs 4 GiB; it asks for 2 processors, the most that is free on one is 0.5.'
    );
  });

  it('has figures of the node where the kubelet names them', () => {
    const GIB = 2 ** 30;
    const rejected = pod({
      state: null,
      reason: 'OutOfmemory',
      message: `Pod was rejected: Node didn't have enough resource: memory, requested: ${4 * GIB}, used: ${6 * GIB}, capacity: ${8 * GIB}`
    });
    const [finding] = findings(waiting(), pods(rejected));
    expect(finding!.explanation).toMatch(/needs 4 GiB for it; the node has 2 GiB free/);
  });

  it('is known by events alone, by the names that Spark gives to pods', () => {
    const failed = event('FailedScheduling', UNSCHEDULABLE.message, 'app-exec-1');
    expect(ids(waiting(), events(failed))).toEqual(['cluster-pending:cell:3:abc warning certain']);
    const somebody = event('FailedScheduling', UNSCHEDULABLE.message, 'other-exec-1');
    expect(ids(waiting(), events(somebody))).toEqual([]);
  });

  it('is over when a task starts; what it took is told, if it took long', () => {
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

  it('is warned of by Spark itself', () => {
    const line = (second: number): string =>
      `26/11/20 23:41:${second} WARN TaskSchedulerImpl: Initial job has not accepted any resources; check your cluster UI to ensure that workers are registered and have sufficient resources`;
    const log = [10, 25, 40, 55].map(line).join('\n');
    expect(ids(waiting(), ['stderr', log])).toEqual(['cluster-pending:cell:3:abc warning certain']);
    // One or two are how a slow cluster starts.
    const story = waiting().wait(20_000).executor('1').task(0, 0, { executor: '1' }).jobEnd(0);
    expect(ids(story, ['stderr', line(10)])).toEqual([]);
  });

  it('is not what waits behind another cell, with executors at work', () => {
    const story = new Story(KUBERNETES).executor('1').job(0, CELL, [0, 1]).stage(0, 1);
    story.start(0, 0, { executor: '1' });
    story.job(1, 'aglais-cell:4:def', [1, 1]).stage(1, 1);
    expect(ids(story, clock(story, 600_000))).toEqual([]);
  });

  it('is missed by nobody once the pod is given up, or the application is over', () => {
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

describe('a pod that cannot start', () => {
  const mount = event(
    'FailedMount',
    'MountVolume.SetUp failed for volume "catalogue" : mount failed: exit status 32\nmount.nfs: Connection timed out',
    'app-exec-1'
  );
  const image = {
    waiting: {
      reason: 'ImagePullBackOff',
      message: 'Back-off pulling image "registry.example/spark:9": not found'
    }
  };

  it('for a volume is told with the volume and its server’s answer', () => {
    const [finding, ...others] = findings(new Story(KUBERNETES), events(mount));
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      id: 'mount-failed:application',
      severity: 'error',
      confidence: 'certain',
      title: 'Volume catalogue cannot be mounted'
    });
  });

  it('for a volume is nothing if the pod was being stopped by then, and stays if it was not yet', () => {
    const deletion = { timestamp: '2026-11-20T23:36:00Z', grace: 30 };
    const stopped = pods(pod({ state: null, deletion }));
    const said = 'MountVolume.SetUp failed for volume "secret" : secret "app" not found';
    const at = (time: string) => events(event('FailedMount', said, 'app-exec-1', time));
    const [before, after] = [at('2026-11-20T23:35:29Z'), at('2026-11-20T23:35:30Z')];
    expect(ids(new Story(KUBERNETES), stopped, after)).toEqual([]);
    expect(ids(new Story(KUBERNETES), after, stopped, before)).toEqual([
      'mount-failed:application error certain'
    ]);
  });

  it('for a claim that is missing is told with the claim: a smaller pod would find no node either', () => {
    const preemption =
      'preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.';
    for (const [words, title] of [
      [
        'persistentvolumeclaim "gaia-dr3" not found. not found',
        'Volume claim gaia-dr3 does not exist'
      ],
      ['pod has unbound immediate PersistentVolumeClaims.', 'A volume claim has no volume yet']
    ]) {
      const message = `0/1 nodes are available: ${words} ${preemption}`;
      const condition = { ...UNSCHEDULABLE, message };
      const nowhere = pod({ role: 'driver', node: null, state: null, conditions: [condition] });
      for (const told of [pods(nowhere), events(event('FailedScheduling', message))]) {
        const [finding, ...others] = findings(new Story(KUBERNETES), told);
        expect(others).toEqual([]);
        expect(finding).toMatchObject({ id: 'mount-failed:application', severity: 'error', title });
      }
    }
  });

  it('for an image is told with the image', () => {
    const [finding, ...others] = findings(new Story(KUBERNETES), pods(pod({ state: image })));
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      id: 'image-failed:application',
      title: 'The image registry.example/spark:9 could not be pulled'
    });
    const failed = event('Failed', 'Failed to pull image "x": not found', 'app-exec-1');
    expect(ids(new Story(KUBERNETES), events(failed))).toEqual([
      'image-failed:application error certain'
    ]);
  });

  it('is nothing if it started after all, in whatever order that is heard', () => {
    const started = event('Started', 'Started container spark-kubernetes-executor', 'app-exec-1');
    for (const all of [
      [mount, started],
      [started, mount]
    ]) {
      expect(ids(new Story(KUBERNETES), events(...all))).toEqual([]);
    }
    expect(ids(new Story(KUBERNETES), pods(pod({ state: image }), pod({ version: 2 })))).toEqual(
      []
    );
    expect(ids(new Story(KUBERNETES), pods(pod({ version: 2 }), pod({ state: image })))).toEqual(
      []
    );
  });
});

describe('a catalogue that stops answering', () => {
  const probe = (at: number, available: boolean): Observation => ({
    kind: 'share',
    share: 'gaia',
    available,
    at,
    message: 'probe timed out after 5 s',
    ref: 'probe'
  });

  it('is told by its probe, until it answers again', () => {
    expect(ids(new Story(), probe(5, false))).toEqual([
      'share-unavailable:application warning certain'
    ]);
    expect(ids(new Story(), probe(5, false), probe(6, true))).toEqual([]);
    expect(ids(new Story(), probe(6, true), probe(5, false))).toEqual([]);
  });

  const second = (at: number, more: object): Observation => ({
    ...{
      kind: 'share',
      share: 'gaia',
      available: false,
      at,
      message: 'no answer in 5 s',
      ref: 'p'
    },
    ...more
  });
  const told = (observation: object): Observation =>
    ({ kind: 'cell', cell: 'abc', run: 3, ...observation }) as Observation;
  const hung = second(1_005_000, { state: 'hung', since: 1_000_000 });
  const back = second(1_045_000, { available: true, message: 'answers again' });

  it('is an error under the cell that runs, since when is said, and what to do', () => {
    const running = told({ outcome: 'running', at: 990_000 });
    const [finding, ...others] = findings(new Story(), running, hung);
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      id: 'share-unavailable:cell:3:abc',
      severity: 'error',
      confidence: 'certain',
      title: 'Catalogue gaia does not answer',
      firstSeen: 1_000_000,
      advice: [{ hint: 'wait-or-interrupt' }],
      evidence: [{ quote: 'no answer in 5 s' }]
    });
    expect(finding!.explanation).toMatch(/gaia does not answer since 00:16:40 UTC\..*waits/);
  });

  it('turns into a warning when it answers again, and stays one for the cell that saw it', () => {
    const cell = [
      told({ outcome: 'running', at: 990_000 }),
      told({ outcome: 'ok', at: 1_050_000 })
    ];
    const all = [...cell, back, hung];
    for (const order of [all, [...all].reverse()]) {
      const [finding, ...others] = findings(new Story(), ...order);
      expect(others).toEqual([]);
      expect(finding).toMatchObject({
        id: 'share-unavailable:cell:3:abc',
        severity: 'warning',
        title: 'Catalogue gaia answers again'
      });
      expect(finding!.explanation).toBe(
        'This cell succeeded, but catalogue gaia did not answer for 45 s.'
      );
    }
  });

  it('is nothing for a cell that ended before, or began when all was well again', () => {
    const before = [told({ outcome: 'running', at: 1_000 }), told({ outcome: 'ok', at: 2_000 })];
    expect(ids(new Story(), ...before, hung)).toEqual([
      'share-unavailable:application warning certain'
    ]);
    const after = told({ outcome: 'running', at: 1_046_000 });
    expect(ids(new Story(), hung, back, after)).toEqual([]);
  });

  it('is said to be gone where it answers that nothing is there', () => {
    const gone = second(1_005_000, { state: 'gone', message: 'No such file or directory' });
    const running = told({ outcome: 'running', at: 990_000 });
    expect(findings(new Story(), running, gone)[0]).toMatchObject({
      severity: 'error',
      title: 'Catalogue gaia is gone',
      advice: [{ hint: 'run-again' }]
    });
    expect(findings(new Story(), running, gone, back)[0]).toMatchObject({
      severity: 'warning',
      advice: [{ hint: 'check-result' }]
    });
  });

  it('is told by the tasks that read from it, with its name if a probe failed, too', () => {
    const stale = exception('java.io.IOException', 'Stale file handle');
    const story = failing(stale, 'java.io.IOException: Stale file handle');
    expect(ids(story)).toEqual(['share-unavailable:cell:3:abc error certain']);
    expect(findings(story, probe(5, false))[0]!.title).toBe('Catalogue gaia does not answer');
  });
});

describe('a broadcast', () => {
  const ended = (error: string): Story => {
    const story = new Story().executor('1');
    story.event('SparkListenerJobStart', {
      'Job ID': 0,
      'Submission Time': story.now,
      'Stage Infos': [{ 'Stage ID': 0, 'Number of Tasks': 1 }],
      Properties: { 'spark.job.tags': CELL, 'spark.sql.execution.id': '4' }
    });
    story.task(0, 0, { executor: '1' }).jobEnd(0);
    return story.event('org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionEnd', {
      executionId: 4,
      time: story.now,
      errorMessage: error
    });
  };
  const LARGE = 'Cannot broadcast the table that is larger than 8.0 GiB: 9.1 GiB.';

  it('that is too large is told by the query that failed, with its cell and sizes', () => {
    const [finding, ...others] = findings(ended(LARGE));
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      id: 'broadcast-too-large:cell:3:abc',
      severity: 'error',
      title: 'A table of 9.1 GiB is too large to be sent to every executor',
      advice: [{ action: 'set', conf: { 'spark.sql.autoBroadcastJoinThreshold': '-1' } }]
    });
    expect(ids(ended(''))).toEqual([]);
  });

  it('that takes too long is told with how long, and how long to allow', () => {
    const words =
      'Could not execute broadcast in 300 secs. You can increase the timeout for broadcasts via spark.sql.broadcastTimeout or disable broadcast join';
    expect(findings(ended(words))[0]).toMatchObject({
      title: 'Sending a table to every executor took more than 5 min',
      advice: [{}, { conf: { 'spark.sql.broadcastTimeout': '600' } }]
    });
  });

  it('is one incident, though the driver’s log and the client tell of it, too', () => {
    const log: More = ['stderr', `26/11/20 23:41:05 ERROR BroadcastExchangeExec: ${LARGE}`];
    const error = { name: 'SparkException', message: LARGE };
    const cell: Observation = { kind: 'cell', cell: 'abc', run: 3, outcome: 'error', at: 5, error };
    expect(ids(ended(LARGE), log, cell)).toEqual(['broadcast-too-large:cell:3:abc error certain']);
    expect(ids(new Story(), log)).toEqual(['broadcast-too-large:application error certain']);
    expect(ids(new Story(), cell)).toEqual(['broadcast-too-large:cell:3:abc error certain']);
  });
});

describe('work whose rows come out otherwise each time', () => {
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

  it('is a risk if it is done again', () => {
    const all = ids(again('INDETERMINATE'));
    expect(all).toContain('nondeterministic-retry-risk:cell:3:abc warning likely');
    expect(ids(again('UNORDERED')).join()).not.toMatch(/nondeterministic/);
  });

  it('fails the job if it cannot be taken back', () => {
    const words =
      'Job aborted due to stage failure: A shuffle map stage with indeterminate output was failed and retried. However, Spark cannot rollback the ResultStage 1 to re-process the input data, and has to fail this job. Please eliminate the indeterminacy by checkpointing the RDD before repartition and try again.';
    const story = new Story().executor('1').job(0, CELL, [0, 1]).stage(0, 1);
    expect(ids(story.jobEnd(0, words))).toEqual([
      'nondeterministic-retry-risk:cell:3:abc error certain'
    ]);
  });
});

describe('findings of the same kind', () => {
  const said =
    'Job aborted due to stage failure: Total size of serialized results of 4 tasks (11.0 MiB) is bigger than spark.driver.maxResultSize (10.0 MiB)';
  const collecting = (...tags: (string | null)[]): Story => {
    const story = new Story().executor('1');
    tags.forEach((tag, id) => {
      story.job(id, tag, [id, 1]).stage(id, 1).task(id, 0, { executor: '1' });
      story.stageEnd(id, 1, 0, said).jobEnd(id, said).wait(1000);
    });
    return story;
  };
  const titles = (story: Story): string[] => findings(story).map(({ title }) => title);
  const title = 'The result is larger than 10 MiB, the most that may be collected';

  it('name their place in their titles if there are several', () => {
    expect(titles(collecting(CELL))).toEqual([title]);
    expect(titles(collecting(CELL, 'aglais-cell:4:abc', null))).toEqual([
      `${title}, in cell [3]`,
      `${title}, in cell [4]`,
      `${title}, in job 2`
    ]);
  });

  it('can be told apart, though a kernel was restarted and counts its cells again', () => {
    expect(titles(collecting(CELL, 'aglais-cell:100003:abc'))).toEqual([
      `${title}, in cell [3], job 0`,
      `${title}, in cell [3], job 1`
    ]);
  });
});

describe('a session', () => {
  const heard = (message: string, run = 3): Observation => ({
    kind: 'cell',
    cell: 'abc',
    run,
    outcome: 'error',
    at: 1_000_000 + run,
    error: { name: 'SparkConnectGrpcException', message }
  });
  const changed =
    '[INVALID_HANDLE.SESSION_CHANGED] The handle 1-2 is invalid. The existing Spark server driver instance has restarted. Please reconnect.';

  it('that was replaced is told once, at the first cell that heard of it', () => {
    const [finding, ...others] = findings(new Story(), heard(changed, 4), heard(changed, 3));
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      id: 'session-lost:cell:3:abc',
      severity: 'error',
      confidence: 'certain',
      count: 2
    });
  });

  it('is probably gone if Spark does not answer', () => {
    const gone = 'StatusCode.UNAVAILABLE failed to connect to all addresses';
    expect(ids(new Story(), heard(gone))).toEqual(['session-lost:cell:3:abc error likely']);
    expect(ids(new Story().end(), heard(gone))).toEqual(['session-lost:cell:3:abc error certain']);
  });

  it('that is gone with its driver, whose log breaks off then, is one incident', () => {
    const gone = 'StatusCode.UNAVAILABLE failed to connect to all addresses';
    const story = new Story().executor('1').job(0, 'aglais-cell:1000:abc', [0, 4]).stage(0, 4);
    story.start(0, 0, { executor: '1' });
    const end: Observation = { kind: 'end' };
    for (const order of [
      [heard(gone, 1000), end],
      [end, heard(gone, 1000)]
    ]) {
      const [finding, ...others] = findings(story, ...order);
      expect(others).toEqual([]);
      expect(finding).toMatchObject({
        id: 'session-lost:cell:1000:abc',
        confidence: 'likely',
        effects: ['1 running job ended with it']
      });
      expect(finding!.explanation).toContain('Its log ends in the middle while 1 job ran');
      expect(finding!.evidence.map(({ source }) => source)).toEqual(['eventlog', 'client']);
    }
  });

  it('that is gone with a driver whose exit code is known is certainly gone', () => {
    const gone = 'StatusCode.UNAVAILABLE failed to connect to all addresses';
    const crashed = pod({ role: 'driver', state: terminated(134, 'Error', AT) });
    const story = new Story(KUBERNETES);
    const [finding, ...others] = findings(story, { kind: 'end' }, heard(gone), pods(crashed));
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ code: 'session-lost', confidence: 'certain' });
    expect(finding!.explanation).toContain('Its driver ended with exit code 134.');
  });

  it('that did not answer once is another matter than a log that breaks off much later', () => {
    const gone = 'StatusCode.UNAVAILABLE failed to connect to all addresses';
    const story = new Story().executor('1').wait(3_600_000).job(1, null, [1, 1]);
    expect(ids(story, heard(gone), { kind: 'end' })).toEqual([
      'session-lost:cell:3:abc error likely',
      'application-incomplete:application warning certain'
    ]);
  });

  it('is not lost by an error of another kind', () => {
    expect(
      ids(new Story(), heard('[TABLE_OR_VIEW_NOT_FOUND] The table x cannot be found.'))
    ).toEqual([]);
  });
});

describe('a log without an end', () => {
  const quiet = (): Story =>
    new Story()
      .executor('1')
      .job(0, CELL, [0, 1])
      .stage(0, 1)
      .task(0, 0, { executor: '1' })
      .jobEnd(0);

  it('is said only when no more will come', () => {
    expect(ids(quiet())).toEqual([]);
    expect(ids(quiet(), { kind: 'end' })).toEqual([
      'application-incomplete:application info certain'
    ]);
    expect(ids(quiet().end(), { kind: 'end' })).toEqual([]);
  });

  it('is a warning if a job was cut off', () => {
    const story = quiet().job(1, CELL, [1, 1]).stage(1, 1);
    story.start(1, 0, { executor: '1' });
    expect(ids(story, { kind: 'end' })).toEqual([
      'application-incomplete:application warning certain'
    ]);
  });

  it('is an error if the driver is known to have ended, with its exit code', () => {
    const crashed = pod({ role: 'driver', state: terminated(1, 'Error', AT) });
    const story = new Story(KUBERNETES).executor('1');
    const [finding, ...others] = findings(story, { kind: 'end' }, pods(crashed));
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ code: 'application-incomplete', severity: 'error' });
    expect(finding!.explanation).toMatch(/The driver ended with exit code 1 before/);
    const killed = pod({ role: 'driver', state: terminated(137, 'Error', AT) });
    expect(ids(story, { kind: 'end' }, pods(killed))).toEqual([
      'driver-oom-killed:application error possible'
    ]);
  });

  it('is nothing without any event', () => {
    expect(ids(null, { kind: 'end' })).toEqual([]);
  });
});

describe('a job that fails by the user’s own code', () => {
  const traceback = `Traceback (most recent call last):
  File "/opt/spark/python/lib/pyspark.zip/pyspark/worker.py", line 1247, in main
    process()
  File "/tmp/ipykernel_7/1.py", line 3, in parallax
    return 1 / x
  File "/usr/lib/python3.11/site-packages/numpy/core.py", line 9, in divide
    raise ZeroDivisionError("division by zero")
ZeroDivisionError: division by zero
`;
  const python = exception(
    'org.apache.spark.api.python.PythonException',
    traceback,
    `org.apache.spark.api.python.PythonException: ${traceback}\n\tat org.apache.spark.api.python.X(Y.scala:1)`
  );
  const pythonMessage = `org.apache.spark.api.python.PythonException: ${traceback}`;

  it('in Python is one finding with the error and the line of the user', () => {
    const [finding, ...others] = findings(failing(python, pythonMessage));
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      id: 'task-failed:cell:3:abc',
      severity: 'error',
      confidence: 'certain',
      title: 'ZeroDivisionError: division by zero',
      count: 4,
      subject: { cell: 'abc', jobs: [0], stages: [{ id: 0, attempt: 0 }] }
    });
    expect(finding!.explanation).toMatch(
      /ZeroDivisionError: division by zero, at line 3 in parallax \(\/tmp\/ipykernel_7\/1\.py\): return 1 \/ x/
    );
  });

  it('is nothing to tell when the cell caught the error and ended well', () => {
    const cell = { kind: 'cell' as const, cell: 'abc', run: 3, at: 9_000_000 };
    const story = failing(python, pythonMessage);
    expect(ids(story, { ...cell, outcome: 'ok' })).toEqual([]);
    expect(ids(story, { ...cell, outcome: 'error' })).toEqual([
      'task-failed:cell:3:abc error certain'
    ]);
  });

  it('met the limit of Python if not even libraries could be loaded', () => {
    const said =
      'Traceback (most recent call last):\n  File "numpy/__init__.py", line 1, in <module>\n' +
      'ImportError: numpy/_common.so: failed to map segment from shared object';
    const reason = exception('org.apache.spark.api.python.PythonException', said);
    const limit = { 'spark.executor.pyspark.memory': '300m' };
    const because = (words: string) => findings(failing(reason, words, limit)).map(({ id }) => id);
    expect(because(said)).toEqual(['python-worker-died:cell:3:abc']);
    const forbidden = exception(
      'org.apache.spark.api.python.PythonException',
      `${said}: Operation not permitted`
    );
    expect(findings(failing(forbidden, said, limit)).map(({ id }) => id)).toEqual([
      'task-failed:cell:3:abc'
    ]);
  });

  it('in Java is told by its root cause', () => {
    const trace = `org.apache.spark.SparkException: [FAILED_EXECUTE_UDF] Failed to execute user defined function
\tat org.apache.spark.sql.errors.QueryExecutionErrors$.failedExecuteUserDefinedFunctionError(QueryExecutionErrors.scala:1)
Caused by: java.lang.NumberFormatException: For input string: "n/a"
\tat java.base/java.lang.Integer.parseInt(Integer.java:652)
\tat org.example.Stars$.magnitude(Stars.scala:17)
\t... 17 more`;
    const reason = exception(
      'org.apache.spark.SparkException',
      '[FAILED_EXECUTE_UDF] Failed',
      trace
    );
    const [finding] = findings(failing(reason, trace));
    expect(finding).toMatchObject({
      code: 'task-failed',
      title: 'java.lang.NumberFormatException: For input string: "n/a"'
    });
    expect(finding!.explanation).toMatch(/Stars\.scala:17 in org\.example\.Stars\$\.magnitude/);
  });

  it('in SQL is told with the place in the text', () => {
    const words = `[DIVIDE_BY_ZERO] Division by zero. Use \`try_divide\` to tolerate divisor being 0. SQLSTATE: 22012
== SQL (line 1, position 8) ==
select 1/x from t
       ^^^`;
    const reason = exception(
      'org.apache.spark.SparkArithmeticException',
      words,
      `org.apache.spark.SparkArithmeticException: ${words}\n\tat org.apache.spark.A(B.scala:1)`
    );
    const [finding] = findings(
      failing(reason, `org.apache.spark.SparkArithmeticException: ${words}`)
    );
    expect(finding!.explanation).toMatch(
      /at line 1, position 8 of the SQL text: select 1\/x from t/
    );
  });

  it('is told though no task failed, by what Spark said', () => {
    const story = new Story().executor('1').job(0, CELL, [0, 1]).stage(0, 1);
    story.jobEnd(
      0,
      'Job aborted due to stage failure: Task not serializable: java.io.NotSerializableException: org.example.Telescope'
    );
    expect(ids(story)).toEqual(['task-failed:cell:3:abc error certain']);
  });

  it('is neither told for cells that were cancelled, nor for jobs that the end of Spark cut off', () => {
    for (const message of [
      '[SPARK_JOB_CANCELLED] Job 0 cancelled part of cancelled job group x',
      'Job 0 cancelled because SparkContext was shut down'
    ]) {
      const story = new Story().executor('1').job(0, CELL, [0, 1]).stage(0, 1);
      expect(ids(story.jobEnd(0, message))).toEqual([]);
    }
  });

  it('is told for its own cell only', () => {
    const story = failing(python, pythonMessage);
    story.job(1, 'aglais-cell:4:def', [1, 1]).stage(1, 1).task(1, 0, { executor: '1' }).jobEnd(1);
    expect(ids(story)).toEqual(['task-failed:cell:3:abc error certain']);
  });
});

describe('memory that runs out where no executor is', () => {
  it('in local mode is a heap that the driver has to have more of', () => {
    const conf = { 'spark.master': 'local[4]', 'spark.driver.memory': '2g' };
    const story = new Story(conf).executor('driver').job(0, CELL, [0, 1]).stage(0, 1);
    const full = exception('java.lang.OutOfMemoryError', 'Java heap space');
    story.task(0, 0, { executor: 'driver' }, full);
    const [finding, ...others] = findings(story);
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      id: 'executor-heap-oom:cell:3:abc',
      title: 'The driver ran out of Java heap',
      advice: [{ action: 'resize', shape: { driverMemoryMiB: 4096 } }, { action: 'code' }]
    });
  });

  it('in Python without a limit of its own is an error of the code that asked for too much', () => {
    const traceback =
      'Traceback (most recent call last):\n  File "<stdin>", line 3, in f\nnumpy._core._exceptions._ArrayMemoryError: Unable to allocate 8.00 TiB for an array\n';
    const reason = exception('org.apache.spark.api.python.PythonException', traceback);
    const story = failing(reason, `org.apache.spark.api.python.PythonException: ${traceback}`);
    const [finding, ...others] = findings(story);
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ code: 'task-failed' });
    expect(finding!.explanation).toMatch(
      /Unable to allocate 8\.00 TiB.*at line 3 in f \(<stdin>\)/
    );
  });

  it('in a process that no task knew of is said, without an alarm', () => {
    const story = new Story(KUBERNETES).executor('1').job(0, CELL, [0, 1]).stage(0, 1);
    story.task(0, 0, { executor: '1' }).jobEnd(0).end();
    expect(ids(story, pods(pod({ state: terminated(0, 'OOMKilled', AT) })))).toEqual([
      'python-worker-died:application info likely'
    ]);
  });
});

describe('what is remembered of others', () => {
  it('does not grow with pods that are healthy or words that say nothing', () => {
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

describe('the noise of a normal end', () => {
  it('is nothing: lost executors, fetches and resubmitted tasks that nobody needs any more', () => {
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
