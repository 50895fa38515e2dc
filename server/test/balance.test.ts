import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decideHandOver, type ServerLoad } from '../src/replicas/balance.js';

const loads = (...clusters: number[]): ServerLoad[] =>
  clusters.map((count, index) => ({ holder: `s${index}`, clusters: count }));

describe('Clusters of several servers', () => {
  it('move to a server that came back and has none', () => {
    expect(decideHandOver('s0', loads(6, 0))).toEqual({ to: 's1', count: 3 });
    expect(decideHandOver('s1', loads(6, 0))).toBeNull();
    expect(decideHandOver('s0', loads(10, 10, 0))).toEqual({ to: 's2', count: 3 });
  });

  it('stay where the numbers differ by one, where a server is alone, and where it is not known', () => {
    expect(decideHandOver('s0', loads(1, 0))).toBeNull();
    expect(decideHandOver('s0', loads(3, 2))).toBeNull();
    expect(decideHandOver('s0', loads(7))).toBeNull();
    expect(decideHandOver('s9', loads(7, 0))).toBeNull();
  });

  it('move ten at a time', () => {
    expect(decideHandOver('s0', loads(300, 0))).toEqual({ to: 's1', count: 10 });
  });

  it('come to rest, whatever the numbers, with no server above the average, rounded up', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(60), { minLength: 1, maxLength: 6 }), counts => {
        const state = loads(...counts);
        for (let round = 0; round < 100; round += 1) {
          const moves = state.map(({ holder }) => decideHandOver(holder, state));
          if (moves.every(move => !move)) break;
          moves.forEach((move, from) => {
            if (!move) return;
            state[from]!.clusters -= move.count;
            state.find(({ holder }) => holder === move.to)!.clusters += move.count;
          });
        }
        const final = state.map(({ clusters }) => clusters);
        const average = final.reduce((a, b) => a + b, 0) / final.length;
        expect(state.map(({ holder }) => decideHandOver(holder, state))).toEqual(
          state.map(() => null)
        );
        expect(Math.max(...final)).toBeLessThanOrEqual(Math.ceil(average));
      })
    );
  });
});
