import { describe, expect, it } from '@jest/globals';
import { Diagnosis, observeEvidence, recogniseEvidence, type Observation } from '../src/index.js';
import { readCgroupFiles } from '../src/evidence/cgroup-files.js';
import { readClientJson, readClientText } from '../src/evidence/client-exceptions.js';
import { readLog } from '../src/evidence/log-records.js';
import { kubernetesObjects, objectsOf } from '../src/evidence/json-objects.js';
import { quantityMiB, readPod, readPodEvent } from '../src/evidence/kubernetes-pods.js';
import { readYarnJson, readYarnText } from '../src/evidence/yarn-reports.js';
import { event, pod, terminated, text, UNSCHEDULABLE } from './kubernetes.js';

const OOM = terminated(137, 'OOMKilled', '2026-11-20T23:35:43Z');

function names(content: string): (string | number)[] {
  return [...objectsOf(content)].flatMap(found =>
    'problem' in found
      ? [`${found.line}: ${found.problem}`]
      : [...kubernetesObjects(found.object)].map(
          one => (one['metadata'] as { name: string }).name ?? '?'
        )
  );
}

describe('objects of Kubernetes', () => {
  const one = pod({ executor: '1' });
  const two = pod({ executor: '2' });

  it('are found one by one, in a list, in a watch, on one line and on many', () => {
    const both = ['app-exec-1', 'app-exec-2'];
    expect(names(text(one, two))).toEqual(both);
    expect(names(JSON.stringify(one) + JSON.stringify(two))).toEqual(both);
    expect(names(text({ kind: 'List', items: [one, two] }))).toEqual(both);
    expect(names(text({ type: 'ADDED', object: one }, { type: 'DELETED', object: two }))).toEqual(
      both
    );
    expect(
      names(text({ kind: 'PodList', items: [{ ...one, kind: undefined }, two] }))
    ).toHaveLength(2);
  });

  it('are found behind a damaged one, which is told with its line', () => {
    const damaged = text(one).replace('"kind": "Pod"', '"kind": "Pod');
    expect(names(`${damaged}\n${text(two)}`)).toEqual(['1: not JSON, or cut off', 'app-exec-2']);
    const cut = text(one).slice(0, 200);
    expect(names(`${cut}\n${text(two)}`)).toEqual(['1: not JSON, or cut off', 'app-exec-2']);
    const lines = text(one).split('\n').length;
    expect(names(`${text(one)}\n${cut}`)).toEqual([
      'app-exec-1',
      `${lines + 1}: not JSON, or cut off`
    ]);
  });

  it('may hold braces and quotes in their words', () => {
    const odd = pod({ message: 'taint {a: "b\\"}"} \\' });
    expect(names(text(odd, two))).toEqual(['app-exec-1', 'app-exec-2']);
  });
});

describe('a pod', () => {
  it('is mapped by its labels, and tells how its container ended', () => {
    expect(readPod(pod({ state: OOM, version: 7 }) as never, 'x')).toMatchObject({
      role: 'executor',
      executor: '1',
      application: 'app-1',
      version: 7,
      scheduled: true,
      ran: true,
      limitMiB: 812,
      waiting: null,
      ends: [{ exitCode: 137, reason: 'OOMKilled', at: Date.UTC(2026, 10, 20, 23, 35, 43) }]
    });
  });

  it('tells of the container that ran before a restart, too', () => {
    const restarted = pod({ state: { running: {} }, lastState: OOM });
    expect(readPod(restarted as never, 'x')!.ends).toHaveLength(1);
  });

  it('leaves the end of a sidecar out', () => {
    const withSidecar = pod() as { status: { containerStatuses: object[] } };
    withSidecar.status.containerStatuses.push({ name: 'istio-proxy', state: OOM });
    expect(readPod(withSidecar as never, 'x')!.ends).toEqual([]);
  });

  it('without a node says why, and one that waits for its image says so', () => {
    const nowhere = readPod(
      pod({ node: null, state: null, conditions: [UNSCHEDULABLE] }) as never,
      'x'
    )!;
    expect(nowhere).toMatchObject({ scheduled: false, ran: false });
    expect(nowhere.unschedulable).toMatchObject({ reason: 'Unschedulable' });
    const waiting = {
      waiting: { reason: 'ImagePullBackOff', message: 'Back-off pulling image "x"' }
    };
    expect(readPod(pod({ state: waiting }) as never, 'x')!.waiting?.reason).toBe(
      'ImagePullBackOff'
    );
    const creating = { waiting: { reason: 'ContainerCreating' } };
    expect(readPod(pod({ state: creating }) as never, 'x')!.waiting).toBeNull();
  });

  it('has the limit that is in force, not the one it was made with', () => {
    const resized = pod() as { status: { containerStatuses: Record<string, unknown>[] } };
    resized.status.containerStatuses[0]!['resources'] = { limits: { memory: '1800Mi' } };
    expect(readPod(resized as never, 'x')!.limitMiB).toBe(1800);
  });

  it('says when its deletion was asked for, not when its grace is over', () => {
    const deleted = pod({ deletion: { timestamp: '2026-11-20T23:36:00Z', grace: 30 } });
    expect(readPod(deleted as never, 'x')!.deletedAt).toBe(Date.UTC(2026, 10, 20, 23, 35, 30));
  });

  it('has quantities in any of the units of Kubernetes', () => {
    expect(quantityMiB('812Mi')).toBe(812);
    expect(quantityMiB('1Gi')).toBe(1024);
    expect(quantityMiB('1G')).toBeCloseTo(953.67, 2);
    expect(quantityMiB('1073741824')).toBe(1024);
    expect(quantityMiB('1073741824000m')).toBe(1024);
    expect(quantityMiB('1e9')).toBeCloseTo(953.67, 2);
    expect(quantityMiB('lots')).toBeNull();
  });
});

describe('an event of Kubernetes', () => {
  it('is read in its old and in its new API, if it is about a pod', () => {
    const old = event('FailedScheduling', '0/5 nodes are available: 5 Insufficient memory.');
    expect(readPodEvent(old as never, 'x')).toMatchObject({
      name: 'app-exec-1',
      reason: 'FailedScheduling',
      at: Date.UTC(2026, 10, 20, 23, 35, 30)
    });
    const recent = {
      kind: 'Event',
      regarding: { kind: 'Pod', name: 'p', uid: 'u' },
      reason: 'Evicted',
      note: 'The node was low on resource: memory.',
      eventTime: '2026-11-20T23:35:30.185551Z'
    };
    expect(readPodEvent(recent as never, 'x')).toMatchObject({
      message: 'The node was low on resource: memory.',
      uid: 'u'
    });
    const node = { kind: 'Event', involvedObject: { kind: 'Node', name: 'n' }, reason: 'Rebooted' };
    expect(readPodEvent(node as never, 'x')).toBeNull();
  });
});

const APPLICATION_STATUS = `Application Report :
	Application-Id : application_1795216410438_0001
	Application-Name : job
	State : FAILED
	Finish-Time : 1795216464931
	Final-State : FAILED
	Tracking-URL : http://rm:8088/cluster/app/application_1795216410438_0001
	Diagnostics : Application application_1795216410438_0001 failed 2 times due to AM Container for appattempt_1795216410438_0001_000002 exited with  exitCode: -104
Failing this attempt.Diagnostics: [2026-11-20 23:14:04.112]Container [pid=31,containerID=container_1795216410438_0001_02_000001] is running beyond the 'PHYSICAL' memory limit. Current usage: 1.4 GB of 1.4 GB physical memory used; 3.3 GB of 2.9 GB virtual memory used. Killing container.
	Unmanaged Application : false
`;

describe('YARN', () => {
  it('tells the state and the whole diagnostics of an application', () => {
    const [report, ...others] = readYarnText(APPLICATION_STATUS, 'yarn.txt');
    expect(others).toEqual([]);
    expect(report).toMatchObject({
      application: 'application_1795216410438_0001',
      state: 'FAILED',
      at: 1795216464931,
      ref: 'yarn.txt:1'
    });
    expect(report!.diagnostics).toMatch(/exitCode: -104\n.*PHYSICAL.*Killing container\.$/);
  });

  it('tells in its logs of containers that end, and of nothing else', () => {
    const log = [
      '2026-11-20 23:14:03,001 INFO container.ContainerImpl: Container container_1795216410438_0001_01_000002 transitioned from RUNNING to KILLING',
      "2026-11-20 23:14:04,112 WARN monitor.ContainersMonitorImpl: Container [pid=77,containerID=container_1795216410438_0001_01_000002] is running beyond the 'PHYSICAL' memory limit. Current usage: 934.4 MB of 896 MB physical memory used"
    ].join('\n');
    expect(readYarnText(log, 'nm.log')).toMatchObject([
      {
        application: 'application_1795216410438_0001',
        container: 'container_1795216410438_0001_01_000002',
        ref: 'nm.log:2'
      }
    ]);
  });

  it('is read from the JSON of its REST, too', () => {
    const app = {
      id: 'application_1_0001',
      state: 'FINISHED',
      finalStatus: 'FAILED',
      diagnostics: 'Max number of executor failures (4) reached',
      finishedTime: 17
    };
    const expected = { application: 'application_1_0001', state: 'FAILED', at: 17 };
    expect(readYarnJson({ app }, 'x')).toMatchObject([expected]);
    expect(readYarnJson({ apps: { app: [app, app] } }, 'x')).toHaveLength(2);
  });
});

const at = '26/11/20 23:41:05';

function said(...lines: string[]): string[] {
  return [...readLog(lines.join('\n'), 'log')].map(({ who, text: line, ref }) =>
    [typeof who === 'string' ? who : who.executor, ref, line.slice(0, 60)].join(' ')
  );
}

describe('a log', () => {
  it('of the driver tells of a full heap by the record that it stands in', () => {
    expect(
      said(
        `${at} WARN BlockManager: Failed to fetch remote block taskresult_23 from [..] after 1 fetch failures.`,
        'org.apache.spark.SparkException: Exception thrown in awaitResult:',
        '\tat org.apache.spark.util.ThreadUtils$.awaitResult(ThreadUtils.scala:293)',
        'Caused by: java.lang.OutOfMemoryError: Java heap space'
      )
    ).toEqual(['driver log:4 Caused by: java.lang.OutOfMemoryError: Java heap space']);
    expect(
      said('Exception in thread "dag-scheduler-event-loop" java.lang.OutOfMemoryError: x')
    ).toHaveLength(1);
    expect(
      said('# java.lang.OutOfMemoryError: Java heap space', '# -XX:OnOutOfMemoryError="kill %p"')
    ).toHaveLength(1);
  });

  it('of the driver quotes the failures of tasks; those are not its own', () => {
    const trace = ['java.lang.OutOfMemoryError: Java heap space', '\tat a.B.c(B.java:1)'];
    expect(
      said(
        `${at} WARN TaskSetManager: Lost task 0.0 in stage 3.0 (TID 3) (10.0.0.1 executor 1): ${trace[0]}`,
        trace[1]!
      )
    ).toEqual([]);
    expect(
      said(
        `${at} ERROR ErrorUtils: Spark Connect error during: execute.`,
        'org.apache.spark.SparkException: Job aborted due to stage failure: Task 2 in stage 3.0 failed',
        ...trace.map(line => `Caused by: ${line}`)
      )
    ).toEqual([]);
    expect(
      said(`${at} ERROR Executor: Exception in task 1.0 in stage 3.0 (TID 4)`, ...trace)
    ).toEqual([]);
  });

  it('of an executor says whose it is', () => {
    expect(
      said(
        `${at} INFO Executor: Starting executor ID 7 on host 10.0.0.1`,
        `${at} ERROR Executor: Exception in task 1.0 in stage 3.0 (TID 4)`,
        'java.lang.OutOfMemoryError: Java heap space'
      )
    ).toEqual(['7 log:3 java.lang.OutOfMemoryError: Java heap space']);
  });

  it('of the driver may hold the commands of the executors that it launches', () => {
    expect(
      said(
        `${at} INFO ExecutorRunner: Launch command: "java" "--driver-url" "x" "--executor-id" "3"`,
        'Exception in thread "main" java.lang.OutOfMemoryError: Java heap space'
      )
    ).toEqual(['driver log:2 Exception in thread "main" java.lang.OutOfMemoryError: Java ']);
  });

  it('has a time only if it names its zone', () => {
    const [one] = readLog(
      `${at} WARN YarnClusterScheduler: Initial job has not accepted any resources; x`,
      'l'
    );
    expect(one).toMatchObject({ at: null });
    const [two] = readLog(
      '2026-11-20T23:41:05.123Z WARN x: Initial job has not accepted any resources; x',
      'l'
    );
    expect(two!.at).toBe(Date.UTC(2026, 10, 20, 23, 41, 5, 123));
  });

  it('may be structured', () => {
    const line = JSON.stringify({
      ts: '2026-11-20T23:41:05.123Z',
      level: 'WARN',
      logger: 'TaskSchedulerImpl',
      msg: 'Initial job has not accepted any resources; check your cluster UI'
    });
    expect(said(line)).toHaveLength(1);
  });
});

describe('a client', () => {
  it('is understood from a traceback, coloured as notebooks do', () => {
    const traceback = [
      '\u001b[0;31m---------\u001b[0m',
      'Traceback (most recent call last)',
      'Cell In[3], line 1',
      '\u001b[0;31mSparkConnectGrpcException\u001b[0m: (org.apache.spark.SparkException) [INVALID_HANDLE.SESSION_CHANGED] The handle x is invalid.'
    ].join('\n');
    expect(readClientText(traceback, 'c')).toMatchObject([{ name: 'SparkConnectGrpcException' }]);
    expect(readClientText(traceback, 'c')[0]!.message).toMatch(/SESSION_CHANGED/);
  });

  it('may print the exception in a way of its own, or nothing at all', () => {
    expect(readClientText('EXC Py4JJavaError An error occurred', 'c')[0]).toMatchObject({
      name: 'Py4JJavaError'
    });
    expect(readClientText('2\n', 'c')).toEqual([]);
  });

  it('is understood from JSON of its own, of Jupyter, and of a notebook', () => {
    expect(readClientJson({ name: 'ValueError', message: 'no' }, 'c')).toMatchObject([
      { name: 'ValueError', message: 'no' }
    ]);
    expect(readClientJson({ ename: 'ValueError', evalue: 'no' }, 'c')).toHaveLength(1);
    const notebook = {
      cells: [
        {
          cell_type: 'code',
          id: 'abc',
          execution_count: 3,
          outputs: [{ output_type: 'error', ename: 'ValueError', evalue: 'no' }]
        },
        { cell_type: 'markdown', id: 'def' }
      ]
    };
    expect(readClientJson(notebook, 'c')).toMatchObject([{ cell: 'abc', run: 3 }]);
  });
});

describe('the files of a cgroup', () => {
  it('are read in version 1 and 2', () => {
    const one = {
      'memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 4\n',
      'memory.limit_in_bytes': '450887680\n',
      'memory.max_usage_in_bytes': '450887680\n'
    };
    expect(readCgroupFiles(one, '1', 5, 'x')).toMatchObject({
      oomKills: 4,
      limitMiB: 430,
      peakMiB: 430,
      quote: 'oom_kill 4'
    });
    const two = {
      'memory.events': 'low 0\nhigh 0\nmax 12\noom 1\noom_kill 1\noom_group_kill 0\n',
      'memory.max': '851443712\n'
    };
    expect(readCgroupFiles(two, '1', 5, 'x')).toMatchObject({
      oomKills: 1,
      limitMiB: 812,
      peakMiB: null
    });
  });

  it('are nothing without a limit', () => {
    expect(
      readCgroupFiles({ 'memory.events': 'oom_kill 1', 'memory.max': 'max\n' }, '1', 5, 'x')
    ).toBeNull();
    const none = {
      'memory.oom_control': 'oom_kill 1',
      'memory.limit_in_bytes': '9223372036854771712'
    };
    expect(readCgroupFiles(none, '1', 5, 'x')).toBeNull();
  });
});

describe('evidence of any kind', () => {
  it('is recognised by what is in it', () => {
    expect(recogniseEvidence(text(pod()))).toBe('pods');
    expect(recogniseEvidence(text({ kind: 'List', items: [event('Started', 'x')] }))).toBe(
      'events'
    );
    expect(recogniseEvidence(text({ type: 'ADDED', object: pod() }))).toBe('pods');
    expect(recogniseEvidence(APPLICATION_STATUS)).toBe('yarn');
    expect(recogniseEvidence(`${at} INFO SparkContext: Running Spark version 4.0.5`)).toBe(
      'stderr'
    );
    expect(recogniseEvidence('Traceback (most recent call last):\nValueError: no')).toBe('client');
    expect(recogniseEvidence('{"ename": "ValueError", "evalue": "no"}')).toBe('client');
    expect(recogniseEvidence('{"kind":"time","at":3}')).toBe('observations');
    expect(recogniseEvidence('{"memory.events":"oom_kill 1","memory.max":"1"}')).toBe('cgroup');
    expect(recogniseEvidence('once upon a time')).toBeNull();
  });

  it('counts what cannot be read as a problem with file and line, and reads the rest', () => {
    const diagnosis = new Diagnosis();
    observeEvidence(
      diagnosis,
      'pods',
      `{"kind": "Pod"}\nnonsense\n${text(pod({ state: OOM }))}`,
      'pods.json'
    );
    expect(diagnosis.problems.count).toBe(2);
    expect(diagnosis.problems.first).toMatchObject([
      { file: 'pods.json', line: 1 },
      { file: 'pods.json', line: 2 }
    ]);
    expect(diagnosis.findings().map(({ code }) => code)).toEqual(['executor-oom-killed']);
  });

  it('survives being kept as lines of observations', () => {
    const kept: Observation[] = [
      readPod(pod({ state: OOM, conditions: [UNSCHEDULABLE] }) as never, 'pods.json:1')!,
      readPodEvent(event('Evicted', 'gone') as never, 'events.json:1')!,
      readYarnText(APPLICATION_STATUS, 'yarn.txt')[0]!,
      { kind: 'capacity', at: 3, memoryMiB: 700, cores: 2, ref: 'nodes' },
      {
        ...{ kind: 'share', share: 'gaia', available: false, at: 4 },
        ...{ state: 'hung', since: 2, message: 'timed out', ref: 'probe' }
      },
      { kind: 'client', name: 'ValueError', message: 'no', cell: 'abc', run: 3, at: 5, ref: 'c' }
    ];
    const lines = kept.map(one => JSON.stringify(one)).join('\n');
    const direct = new Diagnosis();
    const read = new Diagnosis();
    for (const one of kept) direct.observe(one);
    observeEvidence(read, 'observations', lines, 'evidence.jsonl');
    expect(read.problems.count).toBe(0);
    expect(read.findings()).toEqual(direct.findings());
    expect(read.findings().length).toBeGreaterThan(1);
  });
});
