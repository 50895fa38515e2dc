import { describe, expect, it } from '@jest/globals';
import { tasks, WorkStory } from './work-story.js';
import { CELL, SCOPE, cellOf, findingsOf, codes } from './slow-cell.js';

describe('the partition size', () => {
  it('is too small if starting tasks takes much of the time', () => {
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

  it('was requested in the code if adaptive execution did not change it', () => {
    const work = tasks(2000, { ms: 30, runMs: 10, shuffleReadMiB: 0.01 });
    const [finding] = findingsOf(cellOf(work, { 'spark.sql.adaptive.enabled': 'true' }));
    expect(finding!.advice).toMatchObject([{ action: 'code', hint: 'coalesce(8)' }]);
  });

  it('is not too small with the two hundred partitions that Spark uses by default', () => {
    expect(codes(cellOf(tasks(200, { ms: 25, runMs: 10, shuffleReadMiB: 0.1 })))).toEqual([]);
  });

  it('is too large if most slots are idle', () => {
    expect(findingsOf(cellOf(tasks(1, { ms: 60_000, shuffleReadMiB: 2000 })))).toMatchObject([
      {
        id: `large-partitions:${SCOPE}`,
        title: 'One task of 2.0 GiB for 4 slots',
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

  it('that is too large has spill as an effect', () => {
    const one = tasks(1, { ms: 60_000, shuffleReadMiB: 2000, spilledMiB: 3000 });
    expect(findingsOf(cellOf(one))).toMatchObject([
      { code: 'large-partitions', effects: ['1 task of stage 1 spilled 1.5 GiB to disk'] }
    ]);
  });

  it('is not too large if a single task has little to do, however long it takes', () => {
    expect(codes(cellOf(tasks(1, { ms: 60_000, shuffleReadMiB: 1 })))).toEqual([]);
    expect(codes(cellOf(tasks(4, { ms: 60_000, shuffleReadMiB: 2000 })))).toEqual([]);
  });

  it('is reported as many small files if the plan counted them', () => {
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
        title: '4,000 files of 20 KiB each: opening them takes longer than reading them',
        cost: { taskMs: 80_000, wallMs: 20_000, estimated: true },
        advice: [{ hint: 'write-files(1)' }]
      }
    ]);
  });
});
