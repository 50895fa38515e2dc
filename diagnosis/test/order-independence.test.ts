import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Diagnosis, readPod, readPodEvent, type Observation } from '../src/index.js';
import { event, pod, terminated, UNSCHEDULABLE } from './kubernetes.js';
import { cgroup, diagnose, eventsOf, smallCorpus } from './recorded-runs.js';
import { RUNS, oom, shuffle } from './property-runs.js';

const python = smallCorpus.find(({ name }) => name === 'k8s-python-worker-killed')!;

/** The id of the application whose Python workers were killed. */
const PYTHON_APP = 'spark-83f3f53014224e009065ebc3a283f477';

/** Additional evidence for a log: late, early, repeated. */
const evidence: [string, Observation[]][] = [
  [
    oom.path,
    [
      ...['0', '1', '2', '3'].flatMap(id => [
        cgroup(id, 1795217540000, 0),
        cgroup(id, 1795217570000, 1, 430, 12)
      ]),
      formatMiB('0', 1795217545000, 300),
      formatMiB('0', 1795217546000, 410)
    ]
  ],
  [
    shuffle.path,
    [
      cgroup('1', 1795217160000, 0, 1400),
      cgroup('1', 1795217170240, 1, 1400, 920),
      formatMiB('1', 1795217165000, 1100),
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
    formatMiB('1', 1795216170000, 700)
  ];
}

function formatMiB(executor: string, at: number, rssMiB: number): Observation {
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

describe('in any order', () => {
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

    it(`certain findings stay certain, whenever ${path.split('/').at(-1)} is diagnosed`, () => {
      const order = fc.shuffledSubarray(observations, { minLength: observations.length });
      fc.assert(
        fc.property(order, fc.nat(events.length), (others, at) => {
          const diagnosis = new Diagnosis();
          const certain = new Set<string>();
          for (const one of [...events.slice(0, at), ...others, ...events.slice(at)]) {
            diagnosis.observe(one);
            for (const { code, confidence } of diagnosis.findings()) {
              // A pod that starts after all contradicts the reports about its start.
              const passes = ['cluster-pending', 'image-failed', 'mount-failed'].includes(code);
              // Evidence that the log is complete, before it was read, is contradicted by it.
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

    it(`reading the findings at any time changes nothing in ${path.split('/').at(-1)}`, () => {
      const diagnosis = new Diagnosis();
      for (const observation of [...events, ...observations]) {
        diagnosis.observe(observation);
        diagnosis.drainChanges();
      }
      expect(diagnosis.findings()).toEqual(reference);
    });
  }
});
