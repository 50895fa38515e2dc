import { describe, expect, it } from '@jest/globals';
import type { Shape } from '@aglais/protocol';
import {
  decideSpares,
  isGoodMoment,
  type SpareCandidate,
  type SparesState
} from '../src/clusters/lifecycle/decide-spares.js';
import { SMALL } from './support/server.js';

const LARGE: Shape = { ...SMALL, executorMemoryMiB: 4_096 };

const cluster = (id: string, change: Partial<SpareCandidate> = {}): SpareCandidate => ({
  ...{ id, spare: false, state: 'ready', shape: JSON.stringify(SMALL), catalogue: 'now' },
  ...{ memoryMiB: 1_000, createdAt: Number(id.slice(1)) },
  ...change
});
const spare = (id: string, change: Partial<SpareCandidate> = {}) =>
  cluster(id, { spare: true, ...change });
const decide = (clusters: SpareCandidate[], change: Partial<SparesState> = {}) => {
  const { start, stop } = decideSpares({
    targets: [{ shape: SMALL, count: 1 }],
    clusters,
    catalogue: 'now',
    capacityMiB: 4_000,
    memoryOf: () => 1_000,
    someoneIsUnplaced: false,
    goodMoment: true,
    ...change
  });
  return { start: start.length, stop: stop.map(({ id }) => id) };
};

describe('Spares', () => {
  it('are started where one is missing, one at a time, and no more than are wanted', () => {
    expect(decide([])).toEqual({ start: 1, stop: [] });
    const three = { targets: [{ shape: SMALL, count: 3 }] };
    expect(decide([spare('s1')], three)).toEqual({ start: 1, stop: [] });
    expect(decide([spare('s1', { state: 'starting' })], three)).toEqual({ start: 0, stop: [] });
    expect(decide([spare('s1')])).toEqual({ start: 0, stop: [] });
    expect(decide([spare('s1'), spare('s2')])).toEqual({ start: 0, stop: ['s2'] });
  });

  it('wait while anybody else waits for a cluster', () => {
    expect(decide([cluster('c1', { state: 'starting' })])).toEqual({ start: 0, stop: [] });
    expect(decide([cluster('c1')])).toEqual({ start: 1, stop: [] });
  });

  it('are not started where clusters on the same machine are in use, but after three minutes in any case', () => {
    expect(decide([], { goodMoment: false })).toEqual({ start: 0, stop: [] });
    expect(isGoodMoment([], 100_000, 100_000)).toBe(true);
    expect(isGoodMoment([100_000, 20_000], 100_000, 114_999)).toBe(false);
    expect(isGoodMoment([100_000, 20_000], 100_000, 115_000)).toBe(true);
    expect(isGoodMoment([279_999], 100_000, 280_000)).toBe(true);
  });

  it('are not started into memory that is not there, and are stopped when others take it', () => {
    const owned = [cluster('c1'), cluster('c2'), cluster('c3')];
    expect(decide(owned)).toEqual({ start: 1, stop: [] });
    expect(decide([...owned, cluster('c4')])).toEqual({ start: 0, stop: [] });
    expect(decide([...owned, cluster('c4'), spare('s5')])).toEqual({ start: 0, stop: ['s5'] });
  });

  it('make room when a pod of somebody finds no node', () => {
    expect(decide([spare('s1')], { someoneIsUnplaced: true })).toEqual({ start: 0, stop: ['s1'] });
    expect(decide([], { someoneIsUnplaced: true })).toEqual({ start: 0, stop: [] });
  });

  it('are replaced when the shares have changed, or another size is wanted', () => {
    expect(decide([spare('s1', { catalogue: 'before' })])).toEqual({ start: 0, stop: ['s1'] });
    const large = { targets: [{ shape: LARGE, count: 1 }] };
    expect(decide([spare('s1')], large)).toEqual({ start: 0, stop: ['s1'] });
    expect(decide([], large)).toEqual({ start: 1, stop: [] });
    expect(decide([spare('s1')], { targets: [] })).toEqual({ start: 0, stop: ['s1'] });
  });
});
