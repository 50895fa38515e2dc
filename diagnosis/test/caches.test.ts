import { Finding } from '@aglais/protocol';
import { describe, expect, it } from '@jest/globals';
import { diagnose } from './recorded-runs.js';
import { lost } from './story.js';
import { WorkStory, type CachedInfo, type TaskWork } from './work-story.js';

const FIRST = 'aglais-cell:1:fill';
const SECOND = 'aglais-cell:2:read';
const TABLE: CachedInfo = { rdd: 7, partitions: 4, name: 'In-memory table stars' };
const KNOWN = { 'spark.eventLog.logBlockUpdates.enabled': 'true' };

/** Four tasks of 20 s that compute the table; the numbered ones are stored in memory. */
const fill = (...kept: number[]): TaskWork[] =>
  [0, 1, 2, 3].map(partition => ({
    ms: 20_000,
    stores: kept.includes(partition) ? [{ rdd: 7, partition, memoryMiB: 100 }] : []
  }));
/** Tasks that read it: fast where it is cached. */
const read = (...there: number[]): TaskWork[] =>
  [0, 1, 2, 3].map(partition => ({ ms: there.includes(partition) ? 1000 : 20_000 }));

function findingsOf(story: WorkStory): Finding[] {
  const findings = diagnose(story.end().observations).findings();
  for (const finding of findings) expect(Finding.parse(finding)).toEqual(finding);
  return findings;
}

const stars = (conf: Record<string, string> = KNOWN): WorkStory =>
  new WorkStory(conf).with('1', '2');

describe('a cached table', () => {
  it('that fits is not reported', () => {
    const story = stars();
    story.jobOf(FIRST, fill(0, 1, 2, 3), { cached: [TABLE] });
    story.jobOf(SECOND, read(0, 1, 2, 3), { cached: [TABLE] });
    expect(findingsOf(story)).toEqual([]);
  });

  it('that does not fit is reported for the cell that filled it, with the cost of each read', () => {
    const story = stars();
    story.jobOf(FIRST, fill(0), { cached: [TABLE] });
    const [finding, ...rest] = findingsOf(story);
    expect(rest).toEqual([]);
    expect(finding).toMatchObject({
      id: 'cache-partial:cell:1:fill',
      severity: 'info',
      title: 'Only 1 of 4 partitions of the cached table stars fit in memory',
      subject: { cell: 'fill', run: 1 }
    });
    // Three of 20 s each, four slots.
    expect(finding!.explanation).toContain('takes about 15 s (60 s of task time)');
    expect(finding!.cost).toBeUndefined();
  });

  it('that does not fit and is read again has a cost for the cell that reads it', () => {
    const story = stars();
    story.jobOf(FIRST, fill(0), { cached: [TABLE] });
    story.jobOf(SECOND, read(0), { cached: [TABLE] });
    const [finding, ...rest] = findingsOf(story);
    expect(rest).toEqual([]);
    expect(finding).toMatchObject({
      id: 'cache-partial:cell:2:read',
      severity: 'warning',
      confidence: 'certain',
      // Three of 20 s, while the one with a cache hit took 1 s.
      cost: { taskMs: 57_000, recomputedTasks: 3, wallMs: 14_250 },
      subject: { stages: [{ id: 2, attempt: 0 }] }
    });
    // The last partition that was stored, their number, and the first task with a cache miss.
    expect(finding!.evidence.map(({ quote }) => quote)).toEqual([
      '"Block ID":"rdd_7_0"',
      '"Number of Partitions":4',
      expect.stringMatching(/^"Task ID":\d+,"Index":1$/),
      '"Executor Run Time":20000',
      '"Stage ID":2,"Stage Attempt ID":0'
    ]);
    // 300 MiB more on two executors, of whose heap 0.6 is unified memory: 1024 + 250, in steps of 128.
    expect(finding!.advice[1]).toMatchObject({ shape: { executorMemoryMiB: 1280 } });
  });

  it('that is stored on disk when memory is full is not recomputed', () => {
    const story = stars();
    const disk = { ...TABLE, disk: true };
    const work = fill(0, 1).map((task, partition) =>
      partition < 2 ? task : { ...task, stores: [{ rdd: 7, partition, diskMiB: 100 }] }
    );
    story.jobOf(FIRST, work, { cached: [disk] });
    story.jobOf(SECOND, read(0, 1, 2, 3), { cached: [disk] });
    expect(findingsOf(story)).toEqual([]);
    expect(diagnose(story.observations).resources().tables).toMatchObject([
      {
        name: 'stars',
        level: 'MEMORY_AND_DISK',
        now: { partitions: 4, memoryPartitions: 2, memoryMiB: 200, diskMiB: 200 }
      }
    ]);
  });

  it('that was evicted for another one is reported as evicted', () => {
    const story = stars();
    story.jobOf(FIRST, fill(0, 1, 2, 3), { cached: [TABLE] });
    for (const partition of [0, 1, 2]) story.block('1', 7, partition).block('2', 7, partition);
    story.jobOf(SECOND, read(3), { cached: [TABLE] });
    expect(findingsOf(story)).toMatchObject([
      { title: 'The cached table stars was evicted from memory and recomputed', count: 3 }
    ]);
  });

  it('that was evicted completely costs at most the time to fill it, whatever is done with it', () => {
    const story = stars();
    story.jobOf(FIRST, fill(0, 1, 2, 3), { cached: [TABLE] });
    for (const partition of [0, 1, 2, 3]) story.block('1', 7, partition).block('2', 7, partition);
    const work = read().map(task => ({ ...task, ms: 500_000 }));
    story.jobOf(SECOND, work, { cached: [TABLE] });
    expect(findingsOf(story)).toMatchObject([{ cost: { taskMs: 80_000, wallMs: 20_000 } }]);
  });

  it('that was lost with an executor is reported with the reason and the cost of recomputation', () => {
    const story = stars();
    story.jobOf(FIRST, fill(0, 1, 2, 3), { cached: [TABLE] });
    story.without('1', 'Executor 1 was idle').with('3');
    story.jobOf(SECOND, read(2, 3), { cached: [TABLE] });
    const findings = findingsOf(story).filter(({ code }) => code === 'cache-lost');
    expect(findings).toMatchObject([
      {
        id: 'cache-lost:cell:2:read',
        title: '2 cached partitions were lost with executor 1 and had to be recomputed',
        cost: { recomputedTasks: 2, taskMs: 38_000 },
        subject: { executors: ['1'] }
      }
    ]);
    expect(findings[0]!.evidence[0]!.quote).toBe('Executor 1 was idle');
  });

  it('that was lost with an executor in the same cell is an effect of that loss, not a separate finding', () => {
    const story = stars();
    story.jobOf(FIRST, fill(0, 1, 2, 3), { cached: [TABLE] });
    story.job(70, SECOND, [70, 1]).stage(70, 1);
    const end = story.start(70, 0, { executor: '1' });
    story.without('1', 'Command exited with code 137').with('3');
    end(lost('1', 'Command exited with code 137')).task(70, 0, { executor: '2' });
    story.stageEnd(70, 1).jobEnd(70);
    story.jobOf(SECOND, read(2, 3), { cached: [TABLE] });
    expect(findingsOf(story).map(({ id }) => id)).toEqual(['executor-oom-killed:cell:2:read']);
  });

  it('that was dropped, stored again and lost is missed for the last reason', () => {
    const story = stars();
    story.jobOf(FIRST, fill(0, 1, 2, 3), { cached: [TABLE] });
    story.block('1', 7, 0).block('1', 7, 0, 100);
    story.without('1', 'Executor 1 was idle').with('3');
    story.jobOf(SECOND, read(1, 2, 3), { cached: [TABLE] });
    expect(findingsOf(story).map(({ code }) => code)).toEqual(['cache-lost']);
  });

  it('that was stored twice survives the loss of one of its executors', () => {
    const story = stars();
    story.jobOf(FIRST, fill(0, 1, 2, 3), { cached: [TABLE] });
    for (const partition of [0, 1, 2, 3]) {
      story.block('1', 7, partition, 100).block('2', 7, partition, 100);
    }
    story.without('1', 'Executor killed by driver.').with('3');
    story.jobOf(SECOND, read(0, 1, 2, 3), { cached: [TABLE] });
    expect(findingsOf(story)).toEqual([]);
  });

  it('that was unpersisted may be recomputed', () => {
    const story = stars();
    story.jobOf(FIRST, fill(0, 1, 2, 3), { cached: [TABLE] });
    story.event('SparkListenerUnpersistRDD', { 'RDD ID': 7 });
    story.jobOf(SECOND, read());
    story.jobOf(SECOND, read());
    expect(findingsOf(story)).toEqual([]);
  });

  it('behind another cached one is not missed', () => {
    const story = stars();
    const derived = { rdd: 9, partitions: 4, parents: [8] };
    story.jobOf(FIRST, fill(0, 1, 2, 3), { cached: [TABLE] });
    const both = [TABLE, { ...derived, parents: [7] }];
    const work = read(0, 1, 2, 3).map((task, partition) => ({
      ...task,
      stores: [{ rdd: 9, partition, memoryMiB: 10 }]
    }));
    story.jobOf(SECOND, work, { cached: both });
    for (const partition of [0, 1, 2, 3]) story.block('1', 7, partition).block('2', 7, partition);
    story.jobOf(SECOND, read(), { cached: both });
    expect(findingsOf(story)).toEqual([]);
  });

  it('without block updates in the log is not assumed to be missing', () => {
    const story = stars({});
    story.jobOf(FIRST, fill(), { cached: [TABLE] });
    story.jobOf(SECOND, read(), { cached: [TABLE] });
    expect(findingsOf(story)).toEqual([]);
    expect(diagnose(story.observations).resources().tables).toMatchObject([{ now: null }]);
  });

  it('of old versions of Spark is known by its counts, with an estimate of the recomputation', () => {
    const story = stars({});
    story.jobOf(FIRST, fill(), { cached: [{ ...TABLE, cachedPartitions: 1 }] });
    story.jobOf(SECOND, read(0), { cached: [TABLE] });
    expect(findingsOf(story)).toMatchObject([
      {
        id: 'cache-partial:cell:2:read',
        confidence: 'certain',
        // Three quarters of 61 s.
        cost: { taskMs: 45_750, estimated: true }
      }
    ]);
    const once = stars({});
    once.jobOf(FIRST, fill(), { cached: [{ ...TABLE, cachedPartitions: 1 }] });
    expect(findingsOf(once)).toMatchObject([{ id: 'cache-partial:cell:1:fill' }]);
    const whole = stars({});
    whole.jobOf(FIRST, fill(), { cached: [{ ...TABLE, cachedPartitions: 4 }] });
    whole.jobOf(SECOND, read(0), { cached: [TABLE] });
    expect(findingsOf(whole)).toEqual([]);
  });

  it('is only checked if it has the same partitioning as the stage', () => {
    const story = stars();
    story.jobOf(FIRST, fill(0), { cached: [TABLE] });
    story.jobOf(SECOND, [{ ms: 20_000 }, { ms: 20_000 }], { cached: [TABLE] });
    expect(findingsOf(story).map(({ id }) => id)).toEqual(['cache-partial:cell:1:fill']);
  });
});
