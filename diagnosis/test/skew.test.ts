import { describe, expect, it } from '@jest/globals';
import { diagnose } from './recorded-runs.js';
import { heapFull } from './story.js';
import { tasks, WorkStory, type TaskWork } from './work-story.js';
import { CELL, SCOPE, cellOf, findingsOf, codes } from './slow-cell.js';

describe('skew', () => {
  const long: TaskWork = { ms: 60_000, shuffleReadMiB: 900, records: 9e6 };
  const others = tasks(7, { ms: 2000, shuffleReadMiB: 30, records: 3e5 });

  it('is one task with most of the data, and costs the difference to an even split', () => {
    const [finding, ...rest] = findingsOf(cellOf([...others, long]));
    expect(rest).toEqual([]);
    expect(finding).toMatchObject({
      id: `skew:${SCOPE}`,
      severity: 'warning',
      confidence: 'certain',
      // Seven others of two seconds each on four slots: the long one starts after 2 s, ends at 62 s. With all slots
      // busy 74 s of task time take 18.5 s.
      cost: { taskMs: 0, recomputedTasks: 0, wallMs: 62_000 - 18_500 },
      subject: { cell: 'abc', run: 1, stages: [{ id: 1, attempt: 0 }], executors: ['2'] }
    });
    expect(finding!.explanation).toContain(
      'One of the 8 tasks of stage 1 (count at notebook.py:12) read 900 MiB of 1.1 GiB (81 %)'
    );
  });

  it('is reported with the settings that the session lacks', () => {
    const story = new WorkStory({ 'spark.sql.adaptive.enabled': 'false' }).with('1', '2');
    story.jobOf(CELL, [...others, { ...long, shuffleReadMiB: 200 }], {
      properties: {
        'spark.sql.adaptive.enabled': 'true',
        'spark.sql.adaptive.advisoryPartitionSizeInBytes': '32m'
      }
    });
    expect(findingsOf(story)[0]!.advice[0]).toMatchObject({
      action: 'set',
      conf: { 'spark.sql.adaptive.skewJoin.skewedPartitionThresholdInBytes': '100m' }
    });
    const off = findingsOf(cellOf([...others, long], { 'spark.sql.adaptive.enabled': 'false' }));
    expect(off[0]!.advice[0]).toMatchObject({ conf: { 'spark.sql.adaptive.enabled': 'true' } });
  });

  it('is measured against slots, although starts are logged before the ends that precede them', () => {
    const story = new WorkStory().executor('1');
    story.job(1, CELL, [1, 4]).stage(1, 4);
    const metrics = (ms: number, mib: number): object => ({
      'Task Metrics': {
        'Executor Run Time': ms,
        'Shuffle Read Metrics': { 'Remote Bytes Read': mib * 2 ** 20 }
      }
    });
    const task = (index: number, from: number, to: number): object => ({
      'Stage ID': 1,
      'Stage Attempt ID': 0,
      'Task Info': {
        'Task ID': index,
        'Partition ID': index,
        'Launch Time': story.now + from,
        'Finish Time': story.now + to,
        'Executor ID': '1'
      }
    });
    const times = [
      [0, 2000],
      [0, 2000],
      [2000, 62_000],
      [2000, 4000]
    ] as const;
    for (const [index, [from, to]] of times.entries()) {
      story.event('SparkListenerTaskStart', task(index, from, to));
    }
    for (const [index, [from, to]] of times.entries()) {
      const long = to - from > 2000;
      story.event('SparkListenerTaskEnd', {
        ...task(index, from, to),
        ...metrics(to - from, long ? 900 : 30),
        'Task End Reason': { Reason: 'Success' }
      });
    }
    story.wait(62_000).stageEnd(1, 4).jobEnd(1);
    // Two slots: 66 s of task time take 33 s at best, not 16.5 s as on four.
    expect(findingsOf(story)[0]!.cost).toMatchObject({ wallMs: 29_000 });
  });

  it('is detected by rows if bytes are not counted', () => {
    const rows = [...tasks(7, { ms: 2000, records: 1e5 }), { ms: 60_000, records: 5e6 }];
    expect(findingsOf(cellOf(rows))[0]!.explanation).toContain(
      'had 5 million rows, the median about 100,000 and'
    );
  });

  it('is detected if adaptive execution leaves three tasks, of which one takes as long as the two others', () => {
    const small = { ms: 8000, shuffleReadMiB: 12, records: 1e5 };
    const [finding, ...rest] = findingsOf(
      cellOf([small, { ...small, ms: 7000 }, { ms: 20_000, shuffleReadMiB: 120, records: 2e6 }])
    );
    expect(rest).toEqual([]);
    // An even share of 35 s is 11.7 s.
    expect(finding).toMatchObject({ code: 'skew', cost: { wallMs: 8333 } });
    expect(finding!.title).toBe('One task of stage 1 took 20 s, the 2 others 7.5 s on average');
  });

  it('is not an even split with a remainder, nor a task that is only somewhat larger', () => {
    const full = { ms: 20_000, inputMiB: 128, records: 1e6 };
    const rest = { ms: 1000, inputMiB: 2, records: 1e4 };
    expect(codes(cellOf([full, full, rest]))).toEqual([]);
    expect(codes(cellOf([full, full, full, rest]))).toEqual([]);
    expect(codes(cellOf([full, rest]))).toEqual([]);
    const half = { ms: 12_000, inputMiB: 60, records: 5e5 };
    expect(codes(cellOf([half, half, full]))).toEqual([]);
  });

  it("is detected for two tasks if one is larger than Spark's split size", () => {
    const pair = [
      { ms: 2000, shuffleReadMiB: 30, records: 3e5 },
      { ms: 60_000, shuffleReadMiB: 900, records: 9e6 }
    ];
    const [finding, ...others] = findingsOf(cellOf(pair));
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      code: 'skew',
      title: 'One task of stage 1 took 60 s, the other one 2 s'
    });
    const asked = { 'spark.sql.adaptive.advisoryPartitionSizeInBytes': '1g' };
    expect(codes(cellOf(pair, asked)).filter(id => id.startsWith('skew'))).toEqual([]);
  });

  it('is not three tasks of the same size, one of which had a cold executor or a slow disk', () => {
    const even = (ms: number): TaskWork => ({ ms, inputMiB: 100, records: 1e6 });
    expect(codes(cellOf([even(25_000), even(4000), even(5000)]))).toEqual([]);
  });

  it('quotes the index of the task in the log, and its metrics', () => {
    const [finding] = findingsOf(cellOf([...others, long]));
    expect(finding!.evidence.map(({ quote }) => quote)).toEqual([
      expect.stringMatching(/^"Task ID":\d+,"Index":7$/),
      '"Executor Run Time":60000',
      '"Total Records Read":9000000',
      '"Stage ID":1,"Stage Attempt ID":0'
    ]);
    expect(new Set(finding!.evidence.map(({ ref }) => ref)).size).toBe(1);
  });

  it('without more data is only possible, and only if the executor was not slow in general', () => {
    const even = (ms: number): TaskWork => ({ ms, inputMiB: 100, records: 1e6 });
    const one = [...tasks(15, even(2000)), even(80_000)];
    expect(findingsOf(cellOf(one))).toMatchObject([{ code: 'skew', confidence: 'possible' }]);
    const garbage = [...tasks(15, even(2000)), { ...even(80_000), gcMs: 70_000 }];
    expect(codes(cellOf(garbage))).not.toContain(`skew:${SCOPE}`);
    const waiting = [...tasks(15, even(2000)), { ...even(80_000), fetchWaitMs: 70_000 }];
    expect(codes(cellOf(waiting))).toEqual([]);
  });

  it('is not the cold start of an executor, unless it took very long', () => {
    const even = (ms: number): TaskWork => ({ ms, inputMiB: 100, records: 1e6 });
    const first = (ms: number) => codes(cellOf([even(ms), ...tasks(15, even(1000))]));
    expect(first(25_000)).toEqual([]);
    expect(first(60_000)).toEqual([`skew:${SCOPE}`]);
    expect(codes(cellOf([...tasks(15, even(1000)), even(25_000)]))).toEqual([`skew:${SCOPE}`]);
  });

  it('is not waiting for lost work that was recomputed', () => {
    const even = (ms: number): TaskWork => ({ ms, inputMiB: 100, records: 1e6 });
    const lost = { ...even(500), reason: heapFull, partition: 0 };
    const ids = codes(cellOf([...tasks(15, even(2000)), even(80_000), lost]));
    expect(ids).toEqual([`executor-heap-oom:${SCOPE}`]);
  });

  it('is not a task that was longer but delayed nothing', () => {
    // It started first; the others ran as long as it did.
    const busy = tasks(60, { ms: 1000, shuffleReadMiB: 30, records: 3e5 });
    expect(codes(cellOf([{ ...long, ms: 20_000 }, ...busy]))).toEqual([]);
  });

  it('is not a speculative copy, nor a failed attempt', () => {
    const failed = { ...long, reason: heapFull, partition: 0 };
    const copy = { ...long, speculative: true, partition: 0 };
    const ids = codes(cellOf([...others, failed, copy]));
    expect(ids.filter(id => id.startsWith('skew'))).toEqual([]);
  });

  it('is not reported in a query of a few seconds', () => {
    const small = [...tasks(7, { ms: 50, records: 1000 }), { ms: 1000, records: 100_000 }];
    expect(codes(cellOf(small))).toEqual([]);
  });

  it('is not reported if it is a two-hundredth of the time of its cell', () => {
    const story = cellOf([...others, long]);
    story.wait(20_000_000).jobOf(CELL, tasks(4, { ms: 100 }));
    expect(codes(story)).toEqual([]);
  });

  it('is only likely while its cell is running', () => {
    const story = cellOf([...others, long]);
    expect(diagnose(story.observations).findings()).toMatchObject([{ confidence: 'likely' }]);
  });
});
