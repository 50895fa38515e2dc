import { describe, expect, it } from '@jest/globals';
import { nullTranslator } from '@jupyterlab/translation';
import type { CachedTable, MemoryLine } from '@aglais/protocol';
import { linePieces, lineWords } from '../src/clusters/memory-line';
import { tableDetail, tableShares, tableWords } from '../src/clusters/tables';

const trans = nullTranslator.load('aglais');

type Kept = NonNullable<CachedTable['now']>;

function kept(parts: Partial<Kept> = {}): Kept {
  return { partitions: 12, memoryPartitions: 12, memoryMiB: 512, diskMiB: 0, ...parts };
}

function table(parts: Partial<CachedTable> = {}): CachedTable {
  return {
    rdd: 7,
    name: 'stars',
    level: 'MEMORY_AND_DISK',
    partitions: 12,
    unpersisted: false,
    now: kept(),
    most: kept(),
    executors: [],
    recomputed: 0,
    ...parts
  };
}

describe('a cached table', () => {
  it('that is all in memory says so, and fills its bar', () => {
    expect(tableWords(table(), trans)).toBe('all 12 partitions, 0.5 GiB');
    expect(tableShares(table())).toEqual({ memory: 1, disk: 0 });
    expect(tableDetail(table(), trans)).toBe('');
  });

  it('of which a part did not fit says how much did, and what that cost', () => {
    const now = kept({ partitions: 3, memoryPartitions: 3, memoryMiB: 205 });
    const partly = table({ now, recomputed: 18 });
    expect(tableWords(partly, trans)).toBe('3 of 12 partitions, 0.2 GiB');
    expect(tableShares(partly)).toEqual({ memory: 0.25, disk: 0 });
    expect(tableDetail(partly, trans)).toBe('18 partitions were computed again');
  });

  it('that went to disk in part shows both', () => {
    const now = kept({ memoryPartitions: 6, diskMiB: 1024 });
    expect(tableShares(table({ now }))).toEqual({ memory: 0.5, disk: 0.5 });
    expect(tableDetail(table({ now }), trans)).toBe('1.0 GiB of it on disk');
  });

  it('that is empty says whether it ever was filled, and one that nobody counts says that', () => {
    const none = kept({ partitions: 0, memoryPartitions: 0, memoryMiB: 0 });
    expect(tableWords(table({ now: none, most: none }), trans)).toBe('not filled yet');
    expect(tableWords(table({ now: none }), trans)).toBe('nothing left of it');
    expect(tableWords(table({ now: null, most: null }), trans)).toBe('not known how much of it');
    expect(tableShares(table({ now: null, most: null }))).toBeNull();
  });

  it('never has more than it has', () => {
    // More partitions than the stage said: a log that was cut.
    const now = kept({ partitions: 20, memoryPartitions: 20 });
    expect(tableShares(table({ now }))).toEqual({ memory: 1, disk: 0 });
  });
});

describe('memory over time', () => {
  const line = (...usedMiB: (number | null)[]): MemoryLine => ({
    who: '1',
    from: 0,
    stepMs: 2000,
    usedMiB
  });

  it('is drawn against the limit', () => {
    expect(linePieces(line(0, 500, 1000), 1000)).toEqual([
      [
        [0, 1],
        [0.5, 0.5],
        [1, 0]
      ]
    ]);
  });

  it('without a limit is drawn against the most that was used, which is never outside', () => {
    expect(linePieces(line(100, 400), null)).toEqual([
      [
        [0, 0.75],
        [1, 0]
      ]
    ]);
    expect(linePieces(line(100, 1500), 1000)[0]![1]).toEqual([1, 0]);
  });

  it('has a gap where nothing was measured, and nothing to draw of a single point', () => {
    expect(linePieces(line(100, 100, null, null, 100, 100), 100)).toHaveLength(2);
    expect(linePieces(line(100), 100)).toEqual([]);
    expect(linePieces(line(null, null), 100)).toEqual([]);
  });

  it('is said in words, too', () => {
    expect(lineWords(line(512, null, 1229), trans)).toBe('in the last 6.0 s at most 1.2 GiB');
  });
});
