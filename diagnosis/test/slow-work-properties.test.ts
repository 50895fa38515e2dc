import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Diagnosis, type Observation } from '../src/index.js';
import { diagnose } from './recorded-runs.js';
import { tasks, WorkStory, type TaskWork } from './work-story.js';

const task: fc.Arbitrary<TaskWork> = fc.record({
  ms: fc.constantFrom(10, 500, 4000, 90_000),
  gcMs: fc.constantFrom(0, 5, 3000),
  inputMiB: fc.constantFrom(0, 1, 400),
  shuffleReadMiB: fc.constantFrom(0, 1, 900),
  spilledMiB: fc.constantFrom(0, 0, 3000),
  records: fc.constantFrom(0, 1000, 5e6),
  stores: fc.array(
    fc.record({
      rdd: fc.constantFrom(7, 9),
      partition: fc.nat(5),
      memoryMiB: fc.constantFrom(0, 80),
      diskMiB: fc.constantFrom(0, 80)
    }),
    { maxLength: 2 }
  ),
  speculative: fc.boolean(),
  partition: fc.nat(5)
});

/** Any kind of work: all kinds of stages, executors and cached blocks that are added and removed. */
const work = fc
  .array(
    fc.record({
      tasks: fc.array(task, { maxLength: 12 }),
      cell: fc.constantFrom('aglais-cell:1:a', 'aglais-cell:2:b', null),
      cached: fc.constantFrom(
        [],
        [{ rdd: 7, partitions: 6 }],
        [
          { rdd: 9, partitions: 6, parents: [7] },
          { rdd: 7, partitions: 6, disk: true }
        ]
      ),
      before: fc.constantFrom('nothing', 'lose', 'unpersist')
    }),
    { minLength: 1, maxLength: 8 }
  )
  .map(jobs => {
    const story = new WorkStory({ 'spark.eventLog.logBlockUpdates.enabled': 'true' });
    story.with('1', '2');
    let next = 3;
    for (const { tasks: all, cell, cached, before } of jobs) {
      if (before === 'lose') {
        story.without(String(next - 2), 'gone').with(String(next));
        next += 1;
      } else if (before === 'unpersist') {
        story.event('SparkListenerUnpersistRDD', { 'RDD ID': 7 });
      }
      story.jobOf(cell, all, { cached, tasks: 6 });
    }
    return story.end().observations;
  });

const RUNS = { numRuns: 60 };

describe('slow work', () => {
  it('of any kind never throws, wherever the log ends', () => {
    fc.assert(
      fc.property(work, fc.double({ min: 0, max: 1, noNaN: true }), (observations, share) => {
        const whole = diagnose(observations);
        const certain = new Set(
          whole
            .findings()
            .filter(({ confidence }) => confidence === 'certain')
            .map(({ id }) => id)
        );
        whole.resources();
        const part = diagnose(observations.slice(0, Math.floor(share * observations.length)));
        part.resources();
        for (const { id, confidence, cost } of part.findings()) {
          if (confidence === 'certain') expect(certain).toContain(id);
          expect(cost?.wallMs ?? 0).toBeGreaterThanOrEqual(0);
        }
      }),
      RUNS
    );
  });

  it('leads to the same findings at any time of asking, and at any time of the report about the cell', () => {
    const cell = (run: number, id: string, at: number, end: number): Observation[] => [
      { kind: 'cell', cell: id, run, outcome: 'running', at },
      { kind: 'cell', cell: id, run, outcome: 'ok', at: end }
    ];
    fc.assert(
      fc.property(work, fc.nat(), fc.nat(), (observations, a, b) => {
        const heard = [...cell(1, 'a', 999_000, 1_200_000), ...cell(2, 'b', 999_500, 1_300_000)];
        const reference = diagnose([...observations, ...heard]);
        const other = new Diagnosis();
        observations.forEach((one, index) => {
          if (index === a % observations.length) heard.slice(0, 2).forEach(c => other.observe(c));
          if (index === b % observations.length) heard.slice(2).forEach(c => other.observe(c));
          other.observe(one);
          other.drainChanges();
        });
        expect(other.findings()).toEqual(reference.findings());
        expect(other.resources()).toEqual(reference.resources());
      }),
      RUNS
    );
  });

  it('never costs more than the duration of the cell', () => {
    fc.assert(
      fc.property(work, observations => {
        const first = 1_000_000;
        const last = Math.max(
          ...observations.map(one => {
            const event = (one as { event?: Record<string, unknown> }).event ?? {};
            return Number(event['Completion Time'] ?? first);
          })
        );
        for (const { cost } of diagnose(observations).findings()) {
          expect(cost?.wallMs ?? 0).toBeLessThanOrEqual(last - first);
        }
      }),
      RUNS
    );
  });

  it('of a hundred thousand tasks in one stage needs no more space than of a hundred', () => {
    const story = new WorkStory().with('1', '2');
    story.job(1, null, [1, 100_000]);
    story.stageOf(1, tasks(20_000, { ms: 40, runMs: 20, shuffleReadMiB: 0.1 }));
    const diagnosis = diagnose(story.jobEnd(1).end().observations);
    expect(diagnosis.findings()).toMatchObject([{ code: 'small-partitions', count: 20_000 }]);
    expect(JSON.stringify(diagnosis.resources()).length).toBeLessThan(10_000);
  });
});
