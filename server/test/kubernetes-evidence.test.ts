import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  Diagnosis,
  diagnoseFiles,
  observeEventLine,
  observeEvidenceLine,
  type Observation,
  type PodEventObservation,
  type PodObservation
} from '@aglais/diagnosis';
import type { CoreV1Event, V1Pod } from '@kubernetes/client-node';
import { pino } from 'pino';
import { kubernetesObjects, objectsOf } from '../../diagnosis/src/evidence/json-objects.js';
import { event, pod, terminated, UNSCHEDULABLE } from '../../diagnosis/test/kubernetes.js';
import { lost, Story } from '../../diagnosis/test/story.js';
import { PodRecords } from '../src/launchers/kubernetes/evidence/pod-records.js';
import { KubernetesEvidence } from '../src/launchers/kubernetes/evidence/kubernetes-evidence.js';
import { eventually, temporaryDirectory } from './support/server.js';

const SOON_MS = 20_000;
const ID = 'c1';
const CELL = 'aglais-cell:3:abc';
const KUBERNETES = {
  'spark.master': 'k8s://https://10.0.0.1:443',
  'spark.executor.memory': '512m',
  'spark.executor.memoryOverhead': '300m',
  'spark.kubernetes.executor.podNamePrefix': 'app',
  'spark.kubernetes.driver.pod.name': 'app-driver'
};
const AT = '2026-11-20T23:35:43Z';
const KILLED = terminated(137, 'OOMKilled', AT);
const CORPUS = process.env['AGLAIS_CORPUS'] ?? join(import.meta.dirname, '../../../shared/corpus');

let place: ReturnType<typeof temporaryDirectory>;
let complaints: string[];
let evidence: KubernetesEvidence;
const directory = () => join(place.path, ID);
const recorded = (): Observation[] =>
  (existsSync(join(directory(), 'evidence.jsonl'))
    ? readFileSync(join(directory(), 'evidence.jsonl'), 'utf8')
    : ''
  )
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line) as Observation);
const open = () =>
  new KubernetesEvidence({
    directory: place.path,
    log: pino({ level: 'warn' }, { write: line => void complaints.push(line) })
  });
const seen = (one: object) => evidence.pod(ID, one as V1Pod);
const happened = (one: object) => evidence.event(ID, one as CoreV1Event);

beforeEach(() => {
  place = temporaryDirectory();
  complaints = [];
  evidence = open();
});
afterEach(async () => {
  await evidence.close();
  place.remove();
});

describe('Observations of pods', () => {
  it('are recorded before a pod may be deleted', async () => {
    const died = pod({ state: KILLED, version: 2 });
    expect(evidence.podRecorded(ID, 'uid-app-exec-1')).toBe(false);
    seen(pod());
    seen(died);
    expect(evidence.podRecorded(ID, 'uid-app-exec-1')).toBe(false);
    await eventually('the record', () => evidence.podRecorded(ID, 'uid-app-exec-1'), SOON_MS);
    expect(recorded()).toEqual([
      expect.objectContaining({ kind: 'pod', ran: true, ends: [] }),
      expect.objectContaining({
        kind: 'pod',
        executor: '1',
        limitMiB: 812,
        ends: [expect.objectContaining({ exitCode: 137, reason: 'OOMKilled' })]
      })
    ]);
    // The pod changes again: the version on disk is not the last.
    seen({ ...pod({ state: KILLED, version: 3 }) });
    expect(evidence.podRecorded(ID, 'uid-app-exec-1')).toBe(false);
  });

  it('are recorded once, even if the next server observes everything again', async () => {
    const tell = () => {
      seen(pod({ version: 1 }));
      seen(pod({ version: 5, state: KILLED }));
      happened(event('FailedMount', 'a volume is missing'));
      happened(event('FailedMount', 'a volume is missing', 'app-exec-1', '2026-11-20T23:36:30Z'));
      happened(event('Scheduled', 'Successfully assigned'));
    };
    tell();
    await evidence.ended(ID);
    const once = recorded();
    expect(once).toHaveLength(4);
    await evidence.close();
    evidence = open();
    tell();
    await evidence.ended(ID);
    expect(recorded()).toEqual(once);
    expect(evidence.podRecorded(ID, 'uid-app-exec-1')).toBe(true);
  });

  it('have the limit in effect, also when it returns to an earlier value', async () => {
    for (const [version, limit] of ['812Mi', '1800Mi', '812Mi', '812Mi'].entries()) {
      seen(pod({ version: version + 1, limit }));
    }
    await evidence.ended(ID);
    expect(recorded().map(one => one.kind === 'pod' && one.limitMiB)).toEqual([812, 1800, 812]);
  });

  it('have the free capacity of nodes when it has changed significantly', async () => {
    const capacity = (seconds: number, memoryMiB: number, cores = 4) =>
      evidence.capacity(ID, {
        kind: 'capacity',
        at: seconds * 1_000,
        memoryMiB,
        cores,
        ref: 'nodes'
      });
    capacity(0, 2_000);
    capacity(10, 1_900);
    capacity(11, 1_500);
    capacity(13, 200);
    capacity(20, 1_520);
    capacity(30, 1_520, 1);
    await evidence.ended(ID);
    await evidence.close();
    // The next server knows the last record.
    evidence = open();
    capacity(40, 1_500, 1);
    capacity(50, 100, 1);
    await evidence.ended(ID);
    expect(recorded().map(one => one.kind === 'capacity' && [one.memoryMiB, one.cores])).toEqual([
      [2_000, 4],
      [1_500, 4],
      [1_520, 1],
      [100, 1]
    ]);
  });

  it('are limited, because user code in a driver may create any number of pods', () => {
    const records = new PodRecords();
    const statusOf = (index: number) => ({ uid: `${index}`, name: 'p' }) as PodObservation;
    const eventOf = (index: number) =>
      ({ uid: `${index}`, name: 'p', reason: 'r', message: 'm' }) as PodEventObservation;
    let statuses = 0;
    let happened = 0;
    for (let index = 0; index < 50_000; index += 1) {
      if (records.isNewStatus(statusOf(index))) statuses += 1;
      if (records.isNewEvent(eventOf(index))) happened += 1;
    }
    expect([statuses, happened]).toEqual([20_000, 20_000]);
  });

  it('continue after a line that a killed server left incomplete', async () => {
    mkdirSync(directory(), { recursive: true });
    writeFileSync(join(directory(), 'evidence.jsonl'), '{"kind":"pod","na');
    seen(pod({ state: KILLED }));
    await evidence.ended(ID);
    const [half, whole] = readFileSync(join(directory(), 'evidence.jsonl'), 'utf8').split('\n');
    expect(half).toBe('{"kind":"pod","na');
    expect(JSON.parse(whole!)).toMatchObject({ kind: 'pod', executor: '1' });
  });

  it('keep their pod until they are on disk', async () => {
    // A directory instead of the file: every write fails.
    mkdirSync(join(directory(), 'evidence.jsonl'), { recursive: true });
    seen(pod({ state: KILLED }));
    await eventually('a complaint', () => complaints.length > 0, SOON_MS);
    expect(evidence.podRecorded(ID, 'uid-app-exec-1')).toBe(false);
    place.remove();
    await eventually('the record', () => evidence.podRecorded(ID, 'uid-app-exec-1'), SOON_MS);
    expect(recorded()).toHaveLength(1);
  });

  it('accept the Dates of the generated client', async () => {
    const died = pod({ state: KILLED }) as { status: { containerStatuses: unknown[] } };
    const [container] = died.status.containerStatuses as [
      { state: { terminated: { finishedAt: unknown } } }
    ];
    container.state.terminated.finishedAt = new Date(AT);
    seen(died);
    await evidence.ended(ID);
    expect(recorded()).toEqual([
      expect.objectContaining({ ends: [expect.objectContaining({ at: Date.parse(AT) })] })
    ]);
  });

  it('are gone when their cluster is deleted, even during a write', async () => {
    seen(pod());
    await evidence.forget(ID);
    expect(existsSync(directory())).toBe(false);
    await evidence.forget(ID);
  });
});

describe('The ready file of the driver', () => {
  it('is parsed, and null before it exists', async () => {
    expect(await evidence.ready(ID)).toBeNull();
    mkdirSync(directory(), { recursive: true });
    writeFileSync(join(directory(), 'ready'), '15003\nCREATE TABLE x: no such path\n');
    const ready = { port: 15003, problems: ['CREATE TABLE x: no such path'] };
    expect(await evidence.ready(ID)).toEqual(ready);
  });
});

/** Follows as a server does until the end of the cluster; returns these findings and those from the files alone. */
async function followed(): Promise<{ live: Diagnosis; offline: Diagnosis }> {
  const live = new Diagnosis();
  const abort = new AbortController();
  const following = evidence.follow(
    ID,
    {
      eventLine: (line, ref) => observeEventLine(live, line, ref),
      evidenceLine: (line, ref) => observeEvidenceLine(live, line, ref),
      observe: one => live.observe(one)
    },
    abort.signal
  );
  await evidence.ended(ID);
  abort.abort();
  await following;
  live.close();
  const offline = await diagnoseFiles({
    eventLogs: [join(directory(), 'live.jsonl')],
    evidence: [join(directory(), 'evidence.jsonl')]
  });
  expect(told(live)).toEqual(told(offline));
  return { live, offline };
}

/** Findings without references: file names are relative in one, absolute in the other. */
function told(diagnosis: Diagnosis): object[] {
  return diagnosis.findings().map(finding => ({
    ...finding,
    evidence: finding.evidence.map(({ source, at, quote }) => ({ source, at, quote }))
  }));
}

function events(story: Story): void {
  mkdirSync(directory(), { recursive: true });
  const lines = story.observations.map(one => JSON.stringify((one as { event: object }).event));
  appendFileSync(join(directory(), 'live.jsonl'), lines.map(line => `${line}\n`).join(''));
}

/** Executor 1 is lost with a task; executor 2 then repeats it. */
function losing(reason: string): Story {
  const story = new Story(KUBERNETES).executor('1', '2').job(0, CELL, [0, 2]).stage(0, 2);
  const doomed = story.start(0, 0, { executor: '1', ms: 4000 });
  story.task(0, 1, { executor: '2' });
  doomed(lost('1', reason)).removed('1', reason);
  return story.task(0, 0, { executor: '2' }).stageEnd(0, 2).jobEnd(0).end();
}

const SIGKILL =
  'The executor with id 1 exited with exit code 137(SIGKILL, possible container OOM).';
const DELETED = 'The executor with id 1 was deleted by a user or the framework.';
const MASKED = 'Executor killed by driver.';
const broken = () => new Story(KUBERNETES).executor('1').job(0, CELL, [0, 2]).stage(0, 2);

describe('Findings from recorded evidence', () => {
  const cases: [code: string, confidence: string, quote: RegExp, tell: () => void][] = [
    [
      'executor-oom-killed',
      'certain',
      /^OOMKilled$/,
      () => {
        events(losing(SIGKILL));
        seen(pod());
        seen(pod({ state: KILLED, version: 2 }));
      }
    ],
    [
      'driver-oom-killed',
      'certain',
      /^OOMKilled$/,
      () => {
        events(broken());
        seen(pod({ role: 'driver' }));
        seen(pod({ role: 'driver', state: KILLED, version: 2, limit: '1536Mi' }));
      }
    ],
    [
      'executor-evicted',
      'certain',
      /Usage of EmptyDir volume/,
      () => {
        events(losing(SIGKILL));
        const message = 'Usage of EmptyDir volume "spark-local-dir-1" exceeds the limit "1Gi". ';
        const state = terminated(137, 'Error', AT);
        seen(pod({ reason: 'Evicted', message, state, version: 2 }));
      }
    ],
    [
      'executor-preempted',
      'certain',
      /preempting to accommodate a higher priority pod/,
      () => {
        events(losing(DELETED));
        const condition = {
          type: 'DisruptionTarget',
          status: 'True',
          reason: 'PreemptionByScheduler',
          message: 'default-scheduler: preempting to accommodate a higher priority pod',
          lastTransitionTime: AT
        };
        seen(pod({ conditions: [condition] }));
      }
    ],
    [
      'cluster-pending',
      'certain',
      /0\/5 nodes are available/,
      () => {
        events(new Story(KUBERNETES).job(0, CELL, [0, 2]).stage(0, 2));
        seen(pod({ node: null, state: null, conditions: [UNSCHEDULABLE], limit: '4Gi' }));
      }
    ],
    [
      'mount-failed',
      'certain',
      /MountVolume.SetUp failed/,
      () => {
        events(new Story(KUBERNETES));
        seen(pod({ state: { waiting: { reason: 'ContainerCreating' } } }));
        const words = 'MountVolume.SetUp failed for volume "gaia" : mount failed: exit status 32';
        happened(event('FailedMount', words));
      }
    ],
    [
      'image-failed',
      'certain',
      /Back-off pulling image/,
      () => {
        events(new Story(KUBERNETES));
        const message = 'Back-off pulling image "no/such:image"';
        seen(pod({ state: { waiting: { reason: 'ImagePullBackOff', message } } }));
      }
    ],
    [
      'executor-heartbeat-timeout',
      'certain',
      /no recent heartbeats/,
      () => {
        events(losing(MASKED));
        seen(pod({ state: terminated(143, 'Error', AT), version: 2 }));
        writeFileSync(
          join(directory(), 'driver.log'),
          '26/11/20 23:41:05 WARN HeartbeatReceiver: Removing executor 1 with no recent heartbeats: 155000 ms exceeds timeout 120000 ms\n'
        );
      }
    ]
  ];

  it.each(cases)('are the same live and offline: %s, %s', async (code, confidence, quote, tell) => {
    tell();
    const { live, offline } = await followed();
    for (const diagnosis of [live, offline]) {
      expect(diagnosis.problems.count).toBe(0);
      const [finding, ...others] = diagnosis
        .findings()
        .filter(one => one.code !== 'application-incomplete');
      expect(others).toEqual([]);
      expect(finding).toMatchObject({ code, confidence });
      expect(finding!.evidence.some(one => quote.test(one.quote))).toBe(true);
    }
  });
});

const recordings = existsSync(CORPUS)
  ? readdirSync(CORPUS).filter(name => existsSync(join(CORPUS, name, 'watch-pods.json')))
  : [];
const EXPECTED: Record<string, [id: string, confidence: string, count: number][]> = {
  'k8s-jvm1': [],
  'k8s-jvm2': [['executor-oom-killed:sql:1', 'certain', 4]],
  'k8s-one': [['executor-oom-killed:sql:1', 'certain', 1]],
  'k8s-pyw': [['python-worker-died:sql:1', 'certain', 7]]
};

// The recordings are large and outside of the repository; without them only the cases above run.
(recordings.length > 0 ? describe : describe.skip)('A recorded run on Kubernetes', () => {
  it.each(recordings)('%s has the expected findings, live and offline', async name => {
    const read = (file: string) => readFileSync(join(CORPUS, name, file), 'utf8');
    mkdirSync(directory(), { recursive: true });
    writeFileSync(join(directory(), 'live.jsonl'), read('eventlog.jsonl'));
    writeFileSync(join(directory(), 'driver.log'), read('driver.log'));
    for (const file of ['watch-pods.json', 'watch-events.json']) {
      for (const found of objectsOf(read(file))) {
        if ('problem' in found) continue;
        for (const object of kubernetesObjects(found.object)) {
          if (object['kind'] === 'Pod') seen(object);
          if (object['kind'] === 'Event') happened(object);
        }
      }
    }
    const { live, offline } = await followed();
    for (const diagnosis of [live, offline]) {
      const told = diagnosis.findings().map(({ id, confidence, count }) => [id, confidence, count]);
      expect(told).toEqual(EXPECTED[name]);
    }
  });
});
