import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Diagnosis, observeEventLine, observeEvidence, type EvidenceKind } from '../src/index.js';
import { event, pod, terminated, text as written } from './kubernetes.js';
import { cgroup, diagnose, diagnoseLines, linesOfFile } from './recorded-runs.js';
import { RUNS, oom, shuffle } from './property-runs.js';

describe('for any corruption', () => {
  it('randomly changed lines are counted or skipped, and never throw', () => {
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

  it('any JSON as an event is read, skipped or counted', () => {
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

  it('ten thousand corrupt lines of other evidence are read, skipped or counted', () => {
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
        // Each line, and each piece into which the corruption split one, is a problem at most once.
        const pieces = cuts.reduce((sum, { insert }) => sum + 1 + insert.length, 0);
        expect(diagnosis.problems.count - counted).toBeLessThanOrEqual(
          damaged.split('\n').length + pieces
        );
        diagnosis.findings();
      }),
      { numRuns: 600 }
    );
    expect(lines).toBeGreaterThan(10_000);
    // Corrupt data may invent pods and claims, but the log's own findings stay.
    expect(diagnosis.findings().map(({ id }) => id)).toEqual(expect.arrayContaining(certain));
  });
});
