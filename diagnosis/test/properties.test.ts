import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Diagnosis, LineSplitter, observeEventLine, type Observation } from '../src/index.js';
import { readFileSync } from 'node:fs';
import { cgroup, diagnose, diagnoseLines, eventsOf, linesOfFile, smallCorpus } from './evidence.js';

const RUNS = { numRuns: 25 };
const oom = smallCorpus.find(({ name }) => name === 'executor-oom-in-cgroup')!;
const shuffle = smallCorpus.find(({ name }) => name === 'executor-killed-in-shuffle')!;
const python = smallCorpus.find(({ name }) => name === 'k8s-python-worker-killed')!;

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
  [python.path, [cgroup('1', 1795216180000, 4, 812, 390), cgroup('2', 1795216180000, 3, 812, 391)]]
];

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
});
