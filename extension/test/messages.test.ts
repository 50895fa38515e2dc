import { describe, expect, it } from '@jest/globals';
import { nullTranslator } from '@jupyterlab/translation';
import { visibleStages, formatRunSummary, formatTasks } from '../src/clusters/progress';
import {
  memoryParts,
  allowedActions,
  mergeShape,
  shapeChanges,
  formatShape,
  statusLine
} from '../src/clusters/messages';
import { formatCost } from '../src/findings/messages';
import { formatDuration, formatMemory, formatMemoryUse, formatTime } from '../src/format';
import { cellRun, cluster, executor, memory, SHAPE } from './samples';

const trans = nullTranslator.load('aglais');

describe('formatting', () => {
  it('shows memory in MiB below 1 GiB and in GiB with one decimal from there on', () => {
    expect([0, 51.2, 1023.4, 1023.6, 1024, 1434].map(mib => formatMemory(mib, trans))).toEqual([
      '0 MiB',
      '51 MiB',
      '1023 MiB',
      '1.0 GiB',
      '1.0 GiB',
      '1.4 GiB'
    ]);
  });

  it('shows used memory of a limit, with one unit if both have the same', () => {
    expect(formatMemoryUse(1229, 2867, trans)).toBe('1.2 of 2.8 GiB');
    expect(formatMemoryUse(300, 896, trans)).toBe('300 of 896 MiB');
    expect(formatMemoryUse(921.6, 2867, trans)).toBe('922 MiB of 2.8 GiB');
    expect(formatMemoryUse(921.6, null, trans)).toBe('922 MiB');
    expect(formatMemoryUse(null, 2048, trans)).toBe('limit 2.0 GiB');
    expect(formatMemoryUse(null, null, trans)).toBeNull();
  });

  it('shows short durations more precisely than long ones', () => {
    const durations = [0, 420, 9_940, 12_300, 89_400, 241_000, 3_600_000, 7_500_000];
    expect(durations.map(ms => formatDuration(ms, trans))).toEqual([
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

  it('shows the date of a time only if it is not today', () => {
    const noon = new Date(2026, 10, 21, 12, 0).getTime();
    expect(formatTime(noon, noon)).not.toMatch(/Nov/);
    expect(formatTime(noon, noon + 86_400_000)).toMatch(/Nov/);
  });
});

describe('the status bar', () => {
  it('shows state, executors and memory', () => {
    expect(statusLine(cluster(), 'connected', trans)).toBe(
      'Spark: ready · 2 executors · 1.9 of 4.0 GiB'
    );
  });

  it('shows what a starting cluster waits for', () => {
    const starting = cluster({ state: 'starting', waitingFor: 'executors 1 of 2' });
    expect(statusLine(starting, 'connected', trans)).toBe('Spark: starting · executors 1 of 2');
  });

  it('omits unknown memory and lost executors', () => {
    const lost = executor({ id: '7', state: 'lost' });
    const unknown = executor({ memory: memory({ usedMiB: null }) });
    expect(statusLine(cluster({ executors: [unknown, lost] }), 'connected', trans)).toBe(
      'Spark: ready · 1 executor'
    );
  });

  it('says so if there is no cluster or no connection', () => {
    expect(statusLine(null, 'connected', trans)).toBe('Spark: not started');
    expect(statusLine(cluster(), 'unreachable', trans)).toBe('Spark: no connection');
  });
});

describe('used memory', () => {
  it('is split into heap, Python and other', () => {
    expect(memoryParts(memory())).toEqual({ heap: 300, python: 200, other: 204 });
  });

  it('never has parts that exceed the total, although they are sampled at different times', () => {
    const parts = memoryParts(memory({ usedMiB: 400, heapUsedMiB: 350, pythonMiB: 100 }))!;
    expect(parts).toEqual({ heap: 300, python: 100, other: 0 });
  });

  it('is not split while it is unknown', () => {
    expect(memoryParts(memory({ usedMiB: null }))).toBeNull();
  });
});

describe('an advised shape', () => {
  it('changes only what it names', () => {
    expect(mergeShape(SHAPE, { executorOverheadMiB: 1024 })).toEqual({
      ...SHAPE,
      executorOverheadMiB: 1024
    });
  });

  it('is short on a button and complete in the dialog', () => {
    const [change] = shapeChanges(SHAPE, { ...SHAPE, executorOverheadMiB: 1024 }, trans);
    expect(change?.short).toBe('2.0 GiB per executor');
    expect(change?.full).toBe(
      '2.0 GiB per executor (1.0 GiB Java heap, 1.0 GiB for Python and other memory), currently 1.4 GiB (1.0 GiB and 384 MiB)'
    );
  });

  it('names the heap if only the heap grows, not the total', () => {
    const to = { ...SHAPE, executorMemoryMiB: 1152, executorOverheadMiB: 256 };
    expect(shapeChanges(SHAPE, to, trans)[0]?.short).toBe('1.1 GiB Java heap per executor');
  });

  it('lists each change once, and none if the cluster already has this size', () => {
    const to = { ...SHAPE, driverMemoryMiB: 2048, executors: { min: 1, max: 4 }, executorCores: 1 };
    expect(shapeChanges(SHAPE, to, trans).map(({ short }) => short)).toEqual([
      '2.0 GiB driver heap',
      '1 to 4 executors',
      '1 core per executor'
    ]);
    expect(shapeChanges(SHAPE, mergeShape(SHAPE, {}), trans)).toEqual([]);
  });

  it('is described line by line', () => {
    expect(formatShape(SHAPE, trans)).toEqual([
      '2 executors, 2 cores each',
      '1.4 GiB per executor (1.0 GiB Java heap, 384 MiB for Python and other memory)',
      'driver with 1.0 GiB Java heap'
    ]);
  });
});

describe('the allowed actions of a cluster', () => {
  const can = (state: Parameters<typeof cluster>[0]) =>
    Object.entries(allowedActions(cluster(state)))
      .filter(([, yes]) => yes)
      .map(([what]) => what);

  it('depend on its state', () => {
    expect(allowedActions(null)).toEqual({ start: true, stop: false, restart: false });
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

  it('counts tasks and omits zeros', () => {
    expect(formatTasks({ total: 200, running: 8, done: 120, failed: 3 }, trans)).toBe(
      '120 of 200 tasks · 8 running · 3 failed'
    );
    expect(formatTasks({ total: 1, running: 0, done: 0, failed: 0 }, trans)).toBe('0 of 1 task');
  });

  it('shows running stages, otherwise the next waiting one', () => {
    const shown = (...stages: ReturnType<typeof stage>[]) =>
      visibleStages(cellRun({ progress: { ...cellRun().progress, stages } })).map(({ id }) => id);
    expect(shown(stage(1, 'done'), stage(2, 'running'), stage(3, 'waiting'))).toEqual([2]);
    expect(shown(stage(1, 'done'), stage(2, 'waiting'), stage(3, 'waiting'))).toEqual([2]);
  });

  it('is one line for a finished run', () => {
    const finished = cellRun({
      outcome: 'ok',
      startedAt: 0,
      endedAt: 12_300,
      progress: {
        jobs: { total: 3, done: 3, failed: 0 },
        tasks: { total: 412, running: 0, done: 412, failed: 34 },
        stages: []
      }
    });
    expect(formatRunSummary(finished, trans)).toBe('Spark: 3 jobs · 412 tasks · 34 failed · 12 s');
  });
});

describe('the cost of a finding', () => {
  it('is given in tasks and time, without zeros', () => {
    expect(formatCost({ taskMs: 241_000, recomputedTasks: 34, wallMs: 63_000 }, trans)).toBe(
      '34 tasks recomputed · 4 min of executor time wasted · delayed by 63 s'
    );
    expect(formatCost({ taskMs: 0, recomputedTasks: 1, wallMs: 0 }, trans)).toBe(
      '1 task recomputed'
    );
    expect(formatCost({ taskMs: 0, recomputedTasks: 0, wallMs: 0 }, trans)).toBeNull();
    expect(formatCost(undefined, trans)).toBeNull();
  });
});
