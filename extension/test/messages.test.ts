import { describe, expect, it } from '@jest/globals';
import { nullTranslator } from '@jupyterlab/translation';
import { shownStages, summaryWords, taskWords } from '../src/clusters/progress';
import {
  memoryParts,
  possible,
  resized,
  shapeChanges,
  shapeWords,
  statusLine
} from '../src/clusters/messages';
import { costWords } from '../src/findings/words';
import { duration, gib, moment, usedOfGranted } from '../src/words';
import { cellRun, cluster, executor, memory, SHAPE } from './samples';

const trans = nullTranslator.load('aglais');

describe('figures', () => {
  it('are memory in GiB with one decimal', () => {
    expect([0, 51, 1024, 1434, 2867].map(gib)).toEqual(['0.0', '0.0', '1.0', '1.4', '2.8']);
    expect(usedOfGranted(921.6, 2867, trans)).toBe('0.9 of 2.8 GiB');
    expect(usedOfGranted(921.6, null, trans)).toBe('0.9 GiB');
    expect(usedOfGranted(null, 2048, trans)).toBe('2.0 GiB granted');
    expect(usedOfGranted(null, null, trans)).toBeNull();
  });

  it('are lengths of time as precise as people want them', () => {
    const said = [0, 420, 9_940, 12_300, 89_400, 241_000, 3_600_000, 7_500_000];
    expect(said.map(ms => duration(ms, trans))).toEqual([
      '0.0 s',
      '0.4 s',
      '9.9 s',
      '12 s',
      '89 s',
      '4 min',
      '60 min',
      '2 h 5 min'
    ]);
  });

  it('are moments with the day only if it is not today', () => {
    const noon = new Date(2026, 10, 21, 12, 0).getTime();
    expect(moment(noon, noon)).not.toMatch(/Nov/);
    expect(moment(noon, noon + 86_400_000)).toMatch(/Nov/);
  });
});

describe('the status bar', () => {
  it('says state, executors and memory', () => {
    expect(statusLine(cluster(), 'connected', trans)).toBe(
      'Spark: ready · 2 executors · 1.9 of 4.0 GiB'
    );
  });

  it('says what a starting cluster waits for', () => {
    const starting = cluster({ state: 'starting', waitingFor: 'executors 1 of 2' });
    expect(statusLine(starting, 'connected', trans)).toBe('Spark: starting · executors 1 of 2');
  });

  it('leaves memory out as long as it is not known, and lost executors always', () => {
    const lost = executor({ id: '7', state: 'lost' });
    const unknown = executor({ memory: memory({ usedMiB: null }) });
    expect(statusLine(cluster({ executors: [unknown, lost] }), 'connected', trans)).toBe(
      'Spark: ready · 1 executor'
    );
  });

  it('is honest without a cluster and without a connection', () => {
    expect(statusLine(null, 'connected', trans)).toBe('Spark: not started');
    expect(statusLine(cluster(), 'unreachable', trans)).toBe('Spark: no connection');
  });
});

describe('used memory', () => {
  it('is taken apart into heap, Python and the rest', () => {
    expect(memoryParts(memory())).toEqual({ heap: 300, python: 200, other: 204 });
  });

  it('is never more than the whole, though its figures are of different moments', () => {
    const parts = memoryParts(memory({ usedMiB: 400, heapUsedMiB: 350, pythonMiB: 100 }))!;
    expect(parts).toEqual({ heap: 300, python: 100, other: 0 });
  });

  it('is nothing to take apart where it is not known', () => {
    expect(memoryParts(memory({ usedMiB: null }))).toBeNull();
  });
});

describe('an advised size', () => {
  it('changes what it names and keeps the rest', () => {
    expect(resized(SHAPE, { executorOverheadMiB: 1024 })).toEqual({
      ...SHAPE,
      executorOverheadMiB: 1024
    });
  });

  it('is said in short on a button and in full in the dialog', () => {
    const [change] = shapeChanges(SHAPE, { ...SHAPE, executorOverheadMiB: 1024 }, trans);
    expect(change?.short).toBe('2.0 GiB per executor');
    expect(change?.full).toBe(
      '2.0 GiB per executor (1.0 Java heap, 1.0 for Python and the rest), until now 1.4 GiB (1.0 and 0.4)'
    );
  });

  it('names the heap where only its part of the sum grows', () => {
    const to = { ...SHAPE, executorMemoryMiB: 1152, executorOverheadMiB: 256 };
    expect(shapeChanges(SHAPE, to, trans)[0]?.short).toBe('1.1 GiB Java heap per executor');
  });

  it('lists each change once, and none if the cluster has this size already', () => {
    const to = { ...SHAPE, driverMemoryMiB: 2048, executors: { min: 1, max: 4 }, executorCores: 1 };
    expect(shapeChanges(SHAPE, to, trans).map(({ short }) => short)).toEqual([
      '2.0 GiB driver heap',
      '1 to 4 executors',
      '1 core per executor'
    ]);
    expect(shapeChanges(SHAPE, resized(SHAPE, {}), trans)).toEqual([]);
  });

  it('is described line by line', () => {
    expect(shapeWords(SHAPE, trans)).toEqual([
      '2 executors, 2 cores each',
      '1.4 GiB per executor (1.0 Java heap, 0.4 for Python and the rest)',
      'driver with 1.0 GiB Java heap'
    ]);
  });
});

describe('what can be done with a cluster', () => {
  const can = (state: Parameters<typeof cluster>[0]) =>
    Object.entries(possible(cluster(state)))
      .filter(([, yes]) => yes)
      .map(([what]) => what);

  it('depends on its state', () => {
    expect(possible(null)).toEqual({ start: true, stop: false, restart: false });
    expect(can({ state: 'starting' })).toEqual(['stop']);
    expect(can({ state: 'ready' })).toEqual(['stop', 'restart']);
    expect(can({ state: 'stopping' })).toEqual([]);
    expect(can({ state: 'stopped' })).toEqual(['start']);
    expect(can({ state: 'failed' })).toEqual(['start']);
  });
});

describe('progress', () => {
  const stage = (id: number, state: 'waiting' | 'running' | 'done') => ({
    id,
    attempt: 0,
    name: `stage ${id}`,
    state,
    tasks: { total: 4, running: 0, done: 0, failed: 0 },
    startedAt: null,
    endedAt: null
  });

  it('counts tasks and leaves out what is zero', () => {
    expect(taskWords({ total: 200, running: 8, done: 120, failed: 3 }, trans)).toBe(
      '120 of 200 tasks · 8 running · 3 failed'
    );
    expect(taskWords({ total: 1, running: 0, done: 0, failed: 0 }, trans)).toBe('0 of 1 task');
  });

  it('shows running stages, or else the next one that waits', () => {
    const shown = (...stages: ReturnType<typeof stage>[]) =>
      shownStages(cellRun({ progress: { ...cellRun().progress, stages } })).map(({ id }) => id);
    expect(shown(stage(1, 'done'), stage(2, 'running'), stage(3, 'waiting'))).toEqual([2]);
    expect(shown(stage(1, 'done'), stage(2, 'waiting'), stage(3, 'waiting'))).toEqual([2]);
  });

  it('leaves one line when it is over', () => {
    const over = cellRun({
      outcome: 'ok',
      startedAt: 0,
      endedAt: 12_300,
      progress: {
        jobs: { total: 3, done: 3, failed: 0 },
        tasks: { total: 412, running: 0, done: 412, failed: 34 },
        stages: []
      }
    });
    expect(summaryWords(over, trans)).toBe('Spark: 3 jobs · 412 tasks · 34 failed · 12 s');
  });
});

describe('the cost of a finding', () => {
  it('is said in tasks and time, without what is zero', () => {
    expect(costWords({ taskMs: 241_000, recomputedTasks: 34, wallMs: 63_000 }, trans)).toBe(
      '34 tasks ran twice · 4 min of executor time lost · held up for 63 s'
    );
    expect(costWords({ taskMs: 0, recomputedTasks: 1, wallMs: 0 }, trans)).toBe('1 task ran twice');
    expect(costWords({ taskMs: 0, recomputedTasks: 0, wallMs: 0 }, trans)).toBeNull();
    expect(costWords(undefined, trans)).toBeNull();
  });
});
