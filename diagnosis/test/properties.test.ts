import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  Diagnosis,
  LineSplitter,
  observeEventLine,
  observeEvidence,
  readPod,
  readPodEvent,
  type EvidenceKind,
  type Observation
} from '../src/index.js';
import { readFileSync } from 'node:fs';
import { event, pod, terminated, text as written, UNSCHEDULABLE } from './kubernetes.js';
import { cgroup, diagnose, diagnoseLines, eventsOf, linesOfFile, smallCorpus } from './evidence.js';

const RUNS = { numRuns: 25 };
const oom = smallCorpus.find(({ name }) => name === 'executor-oom-in-cgroup')!;
const shuffle = smallCorpus.find(({ name }) => name === 'executor-killed-in-shuffle')!;
const python = smallCorpus.find(({ name }) => name === 'k8s-python-worker-killed')!;
/** The id of the application whose Python workers were killed. */
const PYTHON_APP = 'spark-83f3f53014224e009065ebc3a283f477';

/** Other evidence that belongs to a log: late, early, repeated. */
const evidence: [string, Observation[]][] = [
  [
    oom.path,
    [
      ...['0', '1', '2', '3'].flatMap(id => [
        cgroup(id, 1795217540000, 0),
        cgroup(id, 1795217570000, 1, 430, 12)
      ]),
      memory('0', 1795217545000, 300),
      memory('0', 1795217546000, 410)
    ]
  ],
  [
    shuffle.path,
    [
      cgroup('1', 1795217160000, 0, 1400),
      cgroup('1', 1795217170240, 1, 1400, 920),
      memory('1', 1795217165000, 1100),
      { kind: 'cell', cell: 'sw-cell-1', run: 1, outcome: 'running', at: 1795217151000 },
      { kind: 'cell', cell: 'sw-cell-1', run: 1, outcome: 'ok', at: 1795217185000 }
    ]
  ],
  [python.path, [cgroup('1', 1795216180000, 4, 812, 390), cgroup('2', 1795216180000, 3, 812, 391)]],
  [python.path, pythonPods()]
];

/** Every status of two executors' pods, with events, a log, a client and the clock in between. */
function pythonPods(): Observation[] {
  const at = '2026-11-20T23:09:44Z';
  const statuses = ['1', '2'].flatMap(executor => {
    const of = { executor, application: PYTHON_APP, name: `pyw-exec-${executor}` };
    const waiting = { waiting: { reason: 'ImagePullBackOff' } };
    return [
      pod({ ...of, version: 1, node: null, state: null, conditions: [UNSCHEDULABLE] }),
      pod({ ...of, version: 2, state: waiting }),
      pod({ ...of, version: 3 }),
      pod({ ...of, version: 4, state: terminated(executor === '1' ? 143 : 0, 'OOMKilled', at) })
    ];
  });
  return [
    ...statuses.map((status, index) => readPod(status as never, `pods.json:${index}`)!),
    readPodEvent(event('FailedMount', 'MountVolume.SetUp failed', 'pyw-exec-1') as never, 'e:1')!,
    readPodEvent(event('Started', 'Started container', 'pyw-exec-1') as never, 'e:2')!,
    {
      kind: 'log',
      who: 'driver',
      at: null,
      text: 'Initial job has not accepted any resources',
      ref: 'l:1'
    },
    { kind: 'time', at: 1795216185000 },
    { kind: 'end' },
    memory('1', 1795216170000, 700)
  ];
}

function memory(executor: string, at: number, rssMiB: number): Observation {
  const limits = { limitMiB: 430, heapLimitMiB: 1024 };
  return {
    kind: 'memory',
    who: { executor },
    at,
    rssMiB,
    pythonMiB: null,
    heapUsedMiB: rssMiB / 2,
    ...limits
  };
}

describe('whatever the cut', () => {
  it('a log gives the same lines in any chunks', () => {
    const bytes = readFileSync(oom.path);
    const whole = linesOfFile(oom.path);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1 }), sizes => {
        const splitter = new LineSplitter();
        const lines: string[] = [];
        for (let at = 0, i = 0; at < bytes.length; i += 1) {
          const size = sizes[i % sizes.length]!;
          for (const line of splitter.push(bytes.subarray(at, at + size))) lines.push(line.text);
          at += size;
        }
        expect(lines).toEqual(whole);
        expect(splitter.rest()).toBeNull();
      }),
      RUNS
    );
  });

  it('any bytes in any chunks are cut at line breaks only, and every position is exact', () => {
    const byte = fc.oneof(
      fc.constantFrom(10, 13, 0xc3, 0xa9, 65),
      fc.integer({ min: 0, max: 255 })
    );
    const chunks = fc.array(
      fc.uint8Array({ maxLength: 20 }).chain(() => fc.array(byte, { maxLength: 20 }))
    );
    fc.assert(
      fc.property(chunks, parts => {
        const all = Buffer.from(parts.flat());
        const splitter = new LineSplitter();
        const lines = parts.flatMap(part => [...splitter.push(Uint8Array.from(part))]);
        const rest = splitter.rest();
        const expected = all.toString('latin1').split('\n');
        expect(lines).toHaveLength(expected.length - 1);
        for (const line of lines) {
          expect(all[line.next.offset - 1]).toBe(10);
          expect(line.next.line).toBe(line.number);
        }
        expect(rest === null).toBe(expected.at(-1) === '');
      })
    );
  });

  it('a truncated log never throws and never had a certain finding that the whole one lacks', () => {
    for (const { path } of smallCorpus) {
      const text = readFileSync(path, 'utf8');
      const whole = diagnoseLines(text.split('\n')).findings();
      const certain = new Set(
        whole.filter(({ confidence }) => confidence === 'certain').map(({ id }) => id)
      );
      fc.assert(
        fc.property(fc.integer({ min: 0, max: text.length }), length => {
          const part = diagnoseLines(text.slice(0, length).split('\n'));
          for (const { id, confidence } of part.findings()) {
            if (confidence === 'certain') expect(certain).toContain(id);
          }
          expect(part.problems.count).toBeLessThanOrEqual(1);
        }),
        RUNS
      );
    }
  });
});

describe('whatever the order', () => {
  for (const [path, observations] of evidence) {
    const events = eventsOf(path);
    const reference = diagnose([...events, ...observations]).findings();

    it(`evidence between the events of ${path.split('/').at(-1)} leads to the same findings`, () => {
      expect(reference.map(({ confidence }) => confidence)).toEqual(['certain']);
      const place = fc.record({
        order: fc.shuffledSubarray(observations, { minLength: observations.length }),
        at: fc.array(fc.nat(events.length), {
          minLength: observations.length,
          maxLength: observations.length
        })
      });
      fc.assert(
        fc.property(place, ({ order, at }) => {
          const all: Observation[] = [];
          events.forEach((event, index) => {
            order.forEach((one, i) => at[i] === index && all.push(one));
            all.push(event);
          });
          order.forEach((one, i) => at[i]! >= events.length && all.push(one));
          expect(diagnose(all).findings()).toEqual(reference);
        }),
        RUNS
      );
    });

    it(`what was certain stays so, whenever ${path.split('/').at(-1)} is asked`, () => {
      const order = fc.shuffledSubarray(observations, { minLength: observations.length });
      fc.assert(
        fc.property(order, fc.nat(events.length), (others, at) => {
          const diagnosis = new Diagnosis();
          const certain = new Set<string>();
          for (const one of [...events.slice(0, at), ...others, ...events.slice(at)]) {
            diagnosis.observe(one);
            for (const { code, confidence } of diagnosis.findings()) {
              // A pod that starts after all contradicts what was said of its start.
              const passes = ['cluster-pending', 'image-failed', 'mount-failed'].includes(code);
              // Evidence that the log is over, before the log was read, is contradicted by it.
              if (confidence === 'certain' && !passes && code !== 'application-incomplete') {
                certain.add(code);
              }
            }
          }
          const codes = diagnosis.findings().map(({ code }) => code);
          expect(codes).toEqual(expect.arrayContaining([...certain]));
        }),
        { numRuns: 10 }
      );
    });

    it(`asking at any time changes nothing in ${path.split('/').at(-1)}`, () => {
      const diagnosis = new Diagnosis();
      for (const observation of [...events, ...observations]) {
        diagnosis.observe(observation);
        diagnosis.drainChanges();
      }
      expect(diagnosis.findings()).toEqual(reference);
    });
  }
});

describe('whatever the damage', () => {
  it('lines that are changed at random are counted or skipped, never thrown', () => {
    const lines = linesOfFile(shuffle.path);
    const damage = fc.record({
      line: fc.nat(lines.length - 1),
      at: fc.nat(4000),
      drop: fc.nat(60),
      insert: fc.string({ maxLength: 8 })
    });
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 40 }), damages => {
        const damaged = [...lines];
        for (const { line, at, drop, insert } of damages) {
          const text = damaged[line]!;
          const from = at % (text.length + 1);
          damaged[line] = text.slice(0, from) + insert + text.slice(from + drop);
        }
        const diagnosis = diagnoseLines(damaged);
        diagnosis.findings();
        diagnosis.drainChanges();
        expect(diagnosis.problems.count).toBeLessThanOrEqual(damages.length);
      }),
      RUNS
    );
  });

  it('any JSON for an event is read, skipped or counted', () => {
    const names = fc.constantFrom(
      ...new Set(
        linesOfFile(shuffle.path).map(line => (JSON.parse(line) as { Event: string }).Event)
      )
    );
    const keys = fc.constantFrom(
      'Task Info',
      'Stage Info',
      'Job ID',
      'Stage Infos',
      'Task End Reason',
      'Reason',
      'Executor ID',
      'Stage ID',
      'Task ID',
      'Partition ID',
      'Properties',
      'Job Result',
      'Timestamp'
    );
    const event = fc.oneof(
      fc.anything(),
      fc
        .tuple(
          names,
          fc.dictionary(keys, fc.oneof(fc.anything(), fc.dictionary(keys, fc.integer())))
        )
        .map(([name, fields]) => ({ ...fields, Event: name }))
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 30 }), events => {
        const diagnosis = diagnose(events.map(one => ({ kind: 'event', event: one, ref: 'x:1' })));
        diagnosis.findings();
        diagnosis.executors();
        diagnosis.runningStages();
      }),
      { numRuns: 300 }
    );
  });

  it('a corrupt line is one problem with its file and line, and the rest is read', () => {
    const lines = linesOfFile(oom.path);
    const diagnosis = new Diagnosis();
    observeEventLine(diagnosis, '{"Event": "SparkListenerTask', 'events.jsonl:1');
    lines.forEach((line, index) => observeEventLine(diagnosis, line, `log:${index + 1}`));
    expect(diagnosis.problems.count).toBe(1);
    expect(diagnosis.problems.first[0]).toMatchObject({ file: 'events.jsonl', line: 1 });
    expect(diagnosis.findings()).toEqual(diagnoseLines(lines).findings());
  });

  it('ten thousand damaged lines of other evidence are read, skipped or counted', () => {
    const at = '2026-11-20T23:09:44Z';
    const samples: [EvidenceKind, string][] = [
      ['pods', written(pod({ state: terminated(137, 'OOMKilled', at) }), pod({ executor: '2' }))],
      ['pods', written({ kind: 'List', items: [pod(), pod({ reason: 'Evicted' })] })],
      [
        'events',
        written(event('FailedMount', 'x'), { type: 'ADDED', object: event('Evicted', 'y') })
      ],
      [
        'yarn',
        'Application Report :\n\tApplication-Id : application_1_0001\n\tState : FAILED\n\tDiagnostics : AM Container exited with  exitCode: -104\nContainer [pid=3,containerID=container_1_0001_01_000001] is running beyond physical memory limits.'
      ],
      ['yarn', JSON.stringify({ apps: { app: [{ id: 'application_1_0001', diagnostics: 'x' }] } })],
      [
        'stderr',
        '26/11/20 23:41:05 WARN BlockManager: Failed\nCaused by: java.lang.OutOfMemoryError: Java heap space\n26/11/20 23:41:06 ERROR x: No space left on device\n{"ts":"2026-11-20T23:41:05Z","msg":"Max number of executor failures (4) reached"}'
      ],
      [
        'client',
        'Traceback (most recent call last):\n  File "x", line 1\nSparkException: Cannot broadcast the table'
      ],
      ['client', JSON.stringify({ cells: [{ id: 'a', outputs: [{ ename: 'E', evalue: 'm' }] }] })],
      ['cgroup', '{"memory.events": "oom_kill 1", "memory.max": "851443712", "executor": "1"}'],
      [
        'observations',
        [cgroup('1', 5, 1), { kind: 'time', at: 5 }, { kind: 'end' }]
          .map(one => JSON.stringify(one))
          .join('\n')
      ]
    ];
    const damage = fc.record({
      sample: fc.nat(samples.length - 1),
      cuts: fc.array(
        fc.record({ at: fc.nat(8000), drop: fc.nat(40), insert: fc.string({ maxLength: 6 }) }),
        { minLength: 1, maxLength: 6 }
      )
    });
    let lines = 0;
    const diagnosis = diagnoseLines(linesOfFile(oom.path));
    const certain = diagnosis.findings().map(({ id }) => id);
    fc.assert(
      fc.property(damage, ({ sample, cuts }) => {
        const [kind, whole] = samples[sample]!;
        const damaged = cuts.reduce((all, { at: where, drop, insert }) => {
          const from = where % (all.length + 1);
          return all.slice(0, from) + insert + all.slice(from + drop);
        }, whole);
        lines += damaged.split('\n').length;
        const counted = diagnosis.problems.count;
        observeEvidence(diagnosis, kind, damaged, 'damaged');
        // Each line, and each piece into which the damage cut one, is a problem at most once.
        const pieces = cuts.reduce((sum, { insert }) => sum + 1 + insert.length, 0);
        expect(diagnosis.problems.count - counted).toBeLessThanOrEqual(
          damaged.split('\n').length + pieces
        );
        diagnosis.findings();
      }),
      { numRuns: 600 }
    );
    expect(lines).toBeGreaterThan(10_000);
    // Damage may invent pods and claims, but the log's own findings stand.
    expect(diagnosis.findings().map(({ id }) => id)).toEqual(expect.arrayContaining(certain));
  });
});
