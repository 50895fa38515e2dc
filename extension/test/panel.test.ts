import { describe, expect, it } from '@jest/globals';
import { nullTranslator } from '@jupyterlab/translation';
import type { CachedTable, MemoryLine } from '@aglais/protocol';
import { lineSegments, formatMemoryLine } from '../src/clusters/memory-line';
import { formatTableDetail, tableShares, formatTable } from '../src/clusters/tables';

const trans = nullTranslator.load('aglais');

type CachedSize = NonNullable<CachedTable['now']>;

function cachedSize(parts: Partial<CachedSize> = {}): CachedSize {
  return { partitions: 12, memoryPartitions: 12, memoryMiB: 512, diskMiB: 0, ...parts };
}

function table(parts: Partial<CachedTable> = {}): CachedTable {
  return {
    rdd: 7,
    name: 'stars',
    level: 'MEMORY_AND_DISK',
    partitions: 12,
    unpersisted: false,
    now: cachedSize(),
    most: cachedSize(),
    executors: [],
    recomputed: 0,
    ...parts
  };
}

describe('a cached table', () => {
  it('that is all in memory fills its bar', () => {
    expect(formatTable(table(), trans)).toBe('all 12 partitions, 512 MiB');
    expect(tableShares(table())).toEqual({ memory: 1, disk: 0 });
    expect(formatTableDetail(table(), trans)).toBe('');
  });

  it('that is partly in memory shows how much, and the recomputations', () => {
    const now = cachedSize({ partitions: 3, memoryPartitions: 3, memoryMiB: 205 });
    const partly = table({ now, recomputed: 18 });
    expect(formatTable(partly, trans)).toBe('3 of 12 partitions, 205 MiB');
    expect(tableShares(partly)).toEqual({ memory: 0.25, disk: 0 });
    expect(formatTableDetail(partly, trans)).toBe('18 partitions were recomputed');
  });

  it('that is partly on disk shows both', () => {
    const now = cachedSize({ memoryPartitions: 6, diskMiB: 1024 });
    expect(tableShares(table({ now }))).toEqual({ memory: 0.5, disk: 0.5 });
    expect(formatTableDetail(table({ now }), trans)).toBe('1.0 GiB on disk');
  });

  it('that is empty shows whether it was evicted, and one without metrics that its size is unknown', () => {
    const none = cachedSize({ partitions: 0, memoryPartitions: 0, memoryMiB: 0 });
    expect(formatTable(table({ now: none, most: none }), trans)).toBe('not cached yet');
    expect(formatTable(table({ now: none }), trans)).toBe('evicted from cache');
    expect(formatTable(table({ now: null, most: null }), trans)).toBe('cached size unknown');
    expect(tableShares(table({ now: null, most: null }))).toBeNull();
  });

  it('never shows more than all of its partitions', () => {
    // More partitions than the stage has: a truncated event log.
    const now = cachedSize({ partitions: 20, memoryPartitions: 20 });
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
    expect(lineSegments(line(0, 500, 1000), 1000)).toEqual([
      [
        [0, 1],
        [0.5, 0.5],
        [1, 0]
      ]
    ]);
  });

  it('is drawn against the maximum used without a limit, and never leaves the box', () => {
    expect(lineSegments(line(100, 400), null)).toEqual([
      [
        [0, 0.75],
        [1, 0]
      ]
    ]);
    expect(lineSegments(line(100, 1500), 1000)[0]![1]).toEqual([1, 0]);
  });

  it('has a gap where samples are missing, and is not drawn for a single point', () => {
    expect(lineSegments(line(100, 100, null, null, 100, 100), 100)).toHaveLength(2);
    expect(lineSegments(line(100), 100)).toEqual([]);
    expect(lineSegments(line(null, null), 100)).toEqual([]);
  });

  it('has a text for screen readers', () => {
    expect(formatMemoryLine(line(512, null, 1229), trans)).toBe(
      'at most 1.2 GiB in the last 6.0 s'
    );
  });
});
