import { Finding } from '@aglais/protocol';
import { describe, expect, it } from '@jest/globals';
import { diagnose } from './evidence.js';
import { heapFull } from './story.js';
import { tasks, WorkStory, type TaskWork } from './work.js';

const CELL = 'aglais-cell:1:abc';
const SCOPE = 'cell:1:abc';

/** Two executors of two cores; the cell's job has one stage of these tasks. */
function cellOf(work: TaskWork[], conf: Record<string, string> = {}): WorkStory {
  const story = new WorkStory(conf).with('1', '2');
  story.jobOf(CELL, work, { name: 'count at notebook.py:12' });
  return story;
}

function findingsOf(story: WorkStory): Finding[] {
  const findings = diagnose(story.end().observations).findings();
  for (const finding of findings) expect(Finding.parse(finding)).toEqual(finding);
  return findings;
}

const codes = (story: WorkStory): string[] => findingsOf(story).map(({ id }) => id);

describe('skew', () => {
  const long: TaskWork = { ms: 60_000, shuffleReadMiB: 900, records: 9e6 };
  const others = tasks(7, { ms: 2000, shuffleReadMiB: 30, records: 3e5 });

  it('is one task with most of the data, and costs what an even share would not have taken', () => {
    const [finding, ...rest] = findingsOf(cellOf([...others, long]));
    expect(rest).toEqual([]);
    expect(finding).toMatchObject({
      id: `skew:${SCOPE}`,
      severity: 'warning',
      confidence: 'certain',
      // Seven others in two seconds each on four slots: the long one starts after 2 s, ends at 62 s.
      // With all slots busy 74 s of task time take 18.5 s.
      cost: { taskMs: 0, recomputedTasks: 0, wallMs: 62_000 - 18_500 },
      subject: { cell: 'abc', run: 1, stages: [{ id: 1, attempt: 0 }], executors: ['2'] }
    });
    expect(finding!.explanation).toContain(
      'One of the 8 tasks of stage 1 (count at notebook.py:12) read 900 MiB of 1.1 GiB (81 %)'
    );
  });

  it('is told with the settings of the session that missed it', () => {
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

  it('is measured against slots, though starts are logged before the ends they follow', () => {
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

  it('is known by rows where bytes are not counted', () => {
    const rows = [...tasks(7, { ms: 2000, records: 1e5 }), { ms: 60_000, records: 5e6 }];
    expect(findingsOf(cellOf(rows))[0]!.explanation).toContain(
      'had 5 million rows, the median about 100,000 and'
    );
  });

  it('is known where adaptive execution leaves three tasks, of which one is as long as the two others', () => {
    const small = { ms: 8000, shuffleReadMiB: 12, records: 1e5 };
    const [finding, ...rest] = findingsOf(
      cellOf([small, { ...small, ms: 7000 }, { ms: 20_000, shuffleReadMiB: 120, records: 2e6 }])
    );
    expect(rest).toEqual([]);
    // An even share of 35 s is 11.7 s.
    expect(finding).toMatchObject({ code: 'skew', cost: { wallMs: 8333 } });
    expect(finding!.title).toBe('One task of stage 1 took 20 s, the 2 others 7.5 s on average');
  });

  it('is not an even cut and what it leaves over, nor a task that is only somewhat larger', () => {
    const full = { ms: 20_000, inputMiB: 128, records: 1e6 };
    const rest = { ms: 1000, inputMiB: 2, records: 1e4 };
    expect(codes(cellOf([full, full, rest]))).toEqual([]);
    expect(codes(cellOf([full, full, full, rest]))).toEqual([]);
    expect(codes(cellOf([full, rest]))).toEqual([]);
    const half = { ms: 12_000, inputMiB: 60, records: 5e5 };
    expect(codes(cellOf([half, half, full]))).toEqual([]);
  });

  it('is known of two tasks if one is larger than Spark would have cut it', () => {
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

  it('is not three tasks of the same size, one of which met a cold executor or a slow disk', () => {
    const even = (ms: number): TaskWork => ({ ms, inputMiB: 100, records: 1e6 });
    expect(codes(cellOf([even(25_000), even(4000), even(5000)]))).toEqual([]);
  });

  it('quotes the place of the task in the log, and its figures', () => {
    const [finding] = findingsOf(cellOf([...others, long]));
    expect(finding!.evidence.map(({ quote }) => quote)).toEqual([
      expect.stringMatching(/^"Task ID":\d+,"Index":7$/),
      '"Executor Run Time":60000',
      '"Total Records Read":9000000',
      '"Stage ID":1,"Stage Attempt ID":0'
    ]);
    expect(new Set(finding!.evidence.map(({ ref }) => ref)).size).toBe(1);
  });

  it('without more data is only possible, and only if the executor was not slow in all', () => {
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

  it('is not what waits for work that was lost and computed again', () => {
    const even = (ms: number): TaskWork => ({ ms, inputMiB: 100, records: 1e6 });
    const lost = { ...even(500), reason: heapFull, partition: 0 };
    const ids = codes(cellOf([...tasks(15, even(2000)), even(80_000), lost]));
    expect(ids).toEqual([`executor-heap-oom:${SCOPE}`]);
  });

  it('is not a task that was longer but kept nobody waiting', () => {
    // It began first; the others were at work as long as it was.
    const busy = tasks(60, { ms: 1000, shuffleReadMiB: 30, records: 3e5 });
    expect(codes(cellOf([{ ...long, ms: 20_000 }, ...busy]))).toEqual([]);
  });

  it('is not a speculative copy, nor an attempt that failed', () => {
    const failed = { ...long, reason: heapFull, partition: 0 };
    const copy = { ...long, speculative: true, partition: 0 };
    const ids = codes(cellOf([...others, failed, copy]));
    expect(ids.filter(id => id.startsWith('skew'))).toEqual([]);
  });

  it('is nothing in a query of a few seconds', () => {
    const small = [...tasks(7, { ms: 50, records: 1000 }), { ms: 1000, records: 100_000 }];
    expect(codes(cellOf(small))).toEqual([]);
  });

  it('is nothing if it is a two-hundredth of the time of its cell', () => {
    const story = cellOf([...others, long]);
    story.wait(20_000_000).jobOf(CELL, tasks(4, { ms: 100 }));
    expect(codes(story)).toEqual([]);
  });

  it('is only likely while its cell runs', () => {
    const story = cellOf([...others, long]);
    expect(diagnose(story.observations).findings()).toMatchObject([{ confidence: 'likely' }]);
  });
});

describe('spill', () => {
  const spilling = tasks(8, { ms: 30_000, shuffleReadMiB: 500, spilledMiB: 2000 });

  it('is estimated from the bytes that went to disk and back, and says so', () => {
    const conf = { 'spark.executor.memory': '1g', 'spark.sql.adaptive.enabled': 'true' };
    const [finding, ...rest] = findingsOf(cellOf(spilling, conf));
    expect(rest).toEqual([]);
    expect(finding).toMatchObject({
      id: `spill:${SCOPE}`,
      confidence: 'certain',
      count: 8,
      // 8 × 1000 MiB on disk, written and read at 200 MiB/s, four at a time.
      cost: { taskMs: 80_000, wallMs: 20_000, estimated: true }
    });
    expect(finding!.title).toBe('7.8 GiB did not fit in memory and went to disk and back');
    // (1024 − 300) × 0.6 / 2 = 217 MiB for each task, which wanted 217 + 2000: 10.2 times as many.
    expect(finding!.advice[0]).toMatchObject({
      conf: {
        'spark.sql.shuffle.partitions': '82',
        'spark.sql.adaptive.advisoryPartitionSizeInBytes': '48m'
      }
    });
  });

  it('costs at most what the tasks took that spilled', () => {
    const quick = tasks(8, { ms: 3000, shuffleReadMiB: 500, spilledMiB: 2000 });
    expect(findingsOf(cellOf(quick))[0]!.cost).toMatchObject({ taskMs: 24_000, wallMs: 6000 });
  });

  it('of a skewed task is an effect of the skew', () => {
    const work = [
      ...tasks(7, { ms: 2000, shuffleReadMiB: 30 }),
      { ms: 60_000, shuffleReadMiB: 900, spilledMiB: 2000 }
    ];
    expect(findingsOf(cellOf(work))).toMatchObject([
      {
        code: 'skew',
        effects: ['that task of stage 1 spilled 1 GiB to disk']
      }
    ]);
  });

  it('of little is not worth a word', () => {
    expect(codes(cellOf(tasks(8, { ms: 3000, spilledMiB: 50 })))).toEqual([]);
  });
});

describe('garbage collection', () => {
  it('is pressure if it took more than a tenth of the run time', () => {
    const [finding, ...rest] = findingsOf(cellOf(tasks(8, { ms: 10_000, gcMs: 3000 })));
    expect(rest).toEqual([]);
    expect(finding).toMatchObject({
      id: `gc-pressure:${SCOPE}`,
      severity: 'warning',
      cost: { taskMs: 24_000, wallMs: 6000 },
      title: '30 % of the task time was garbage collection',
      advice: [{ action: 'resize', shape: { executorMemoryMiB: 1536 } }]
    });
  });

  it('is added up over the stages of a cell that had too much of it, and no others', () => {
    const story = cellOf(tasks(4, { ms: 1000, gcMs: 400 }));
    story.jobOf(CELL, tasks(4, { ms: 2000, gcMs: 800 }));
    story.jobOf(CELL, tasks(4, { ms: 9000, gcMs: 100 }));
    expect(findingsOf(story)).toMatchObject([
      { code: 'gc-pressure', cost: { taskMs: 4800, wallMs: 1200 }, count: 2 }
    ]);
  });

  it('is nothing if it was less, or less than a second', () => {
    expect(codes(cellOf(tasks(8, { ms: 10_000, gcMs: 900 })))).toEqual([]);
    expect(codes(cellOf(tasks(4, { ms: 1000, gcMs: 900 })))).toEqual([]);
  });

  it('before the heap was full belongs to that', () => {
    const story = cellOf([
      ...tasks(7, { ms: 10_000, gcMs: 5000 }),
      { ms: 10_000, reason: heapFull }
    ]);
    expect(codes(story)).toEqual([`executor-heap-oom:${SCOPE}`]);
  });
});

describe('the cut of data', () => {
  it('is too small if starting the tasks takes much of the time', () => {
    const [finding, ...rest] = findingsOf(
      cellOf(tasks(2000, { ms: 30, runMs: 10, shuffleReadMiB: 0.01 }), {
        'spark.sql.adaptive.enabled': 'false',
        'spark.sql.shuffle.partitions': '2000'
      })
    );
    expect(rest).toEqual([]);
    expect(finding).toMatchObject({
      id: `small-partitions:${SCOPE}`,
      // 2000 × 20 ms, of which 8 tasks (two for each slot) would have had 0.4 %.
      cost: { taskMs: 39_840, wallMs: 9960 },
      advice: [
        { action: 'set', conf: { 'spark.sql.shuffle.partitions': '8' } },
        { action: 'code', hint: 'coalesce(8)' }
      ]
    });
  });

  it('was asked for in the code if adaptive execution left it so', () => {
    const work = tasks(2000, { ms: 30, runMs: 10, shuffleReadMiB: 0.01 });
    const [finding] = findingsOf(cellOf(work, { 'spark.sql.adaptive.enabled': 'true' }));
    expect(finding!.advice).toMatchObject([{ action: 'code', hint: 'coalesce(8)' }]);
  });

  it('is not too small with the two hundred partitions that Spark makes by itself', () => {
    expect(codes(cellOf(tasks(200, { ms: 25, runMs: 10, shuffleReadMiB: 0.1 })))).toEqual([]);
  });

  it('is too large if most executors have nothing to do', () => {
    expect(findingsOf(cellOf(tasks(1, { ms: 60_000, shuffleReadMiB: 2000 })))).toMatchObject([
      {
        id: `large-partitions:${SCOPE}`,
        title: 'One task of 2 GiB, with room for 4',
        cost: { taskMs: 0, wallMs: 45_000 },
        advice: [{ hint: 'repartition(16)' }]
      }
    ]);
  });

  it('is not too large while other work uses the slots', () => {
    const story = new WorkStory().with('1', '2');
    story.job(50, null, [50, 3]).stage(50, 3);
    const ends = [0, 1, 2].map(index => story.start(50, index, { executor: '1', ms: 60_000 }));
    story.jobOf(CELL, tasks(1, { ms: 60_000, shuffleReadMiB: 2000 }));
    for (const end of ends) end();
    expect(codes(story.stageEnd(50, 3).jobEnd(50))).toEqual([]);
  });

  it('that is too large has what it spilled for an effect', () => {
    const one = tasks(1, { ms: 60_000, shuffleReadMiB: 2000, spilledMiB: 3000 });
    expect(findingsOf(cellOf(one))).toMatchObject([
      { code: 'large-partitions', effects: ['1 task of stage 1 spilled 1.5 GiB to disk'] }
    ]);
  });

  it('is not too large if a single task has little to do, however long it takes', () => {
    expect(codes(cellOf(tasks(1, { ms: 60_000, shuffleReadMiB: 1 })))).toEqual([]);
    expect(codes(cellOf(tasks(4, { ms: 60_000, shuffleReadMiB: 2000 })))).toEqual([]);
  });

  it('is many small files if the plan counted them', () => {
    const story = new WorkStory().with('1', '2');
    const sql = (name: string, fields: object): unknown =>
      story.event(`org.apache.spark.sql.execution.ui.${name}`, { executionId: 3, ...fields });
    const metric = (name: string, accumulatorId: number): object => ({ name, accumulatorId });
    const scan = {
      nodeName: 'Scan parquet t',
      children: [],
      metrics: [metric('number of files read', 70), metric('size of files read', 71)]
    };
    sql('SparkListenerSQLExecutionStart', {
      rootExecutionId: 3,
      sparkPlanInfo: { nodeName: 'Project', metrics: [], children: [scan] }
    });
    sql('SparkListenerDriverAccumUpdates', {
      accumUpdates: [
        [70, 4000],
        [71, 4000 * 20_000],
        [72, 99]
      ]
    });
    const properties = { 'spark.sql.execution.id': '3' };
    story.jobOf(CELL, tasks(125, { ms: 1000, inputMiB: 0.6 }), { properties });
    expect(findingsOf(story)).toMatchObject([
      {
        id: `small-files:${SCOPE}`,
        confidence: 'certain',
        title: '4,000 files of 20 KiB each: opening them takes longer than reading',
        cost: { taskMs: 80_000, wallMs: 20_000, estimated: true },
        advice: [{ hint: 'write-files(1)' }]
      }
    ]);
  });
});

describe('healthy work', () => {
  it('has no findings, whatever its size', () => {
    const story = new WorkStory().with('1', '2');
    for (let round = 0; round < 20; round += 1) {
      story.jobOf(`aglais-cell:${round}:abc`, [
        ...tasks(40, { ms: 800 + round, gcMs: 40, inputMiB: 120, shuffleWriteMiB: 20 }),
        { ms: 1600, inputMiB: 128, gcMs: 30 }
      ]);
      story.jobOf(null, tasks(1, { ms: 3000, runMs: 300 }));
    }
    expect(codes(story)).toEqual([]);
  });

  it('without task metrics, as of tasks that were lost, says nothing', () => {
    const story = new WorkStory().with('1');
    story.job(0, CELL, [0, 3]).stage(0, 3);
    for (const [index, ms] of [10, 20, 90_000].entries())
      story.task(0, index, { executor: '1', ms });
    story.stageEnd(0, 3).jobEnd(0);
    expect(codes(story)).toEqual([]);
  });
});
