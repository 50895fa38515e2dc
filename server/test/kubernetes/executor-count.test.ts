import { describe, expect, it } from '@jest/globals';
import {
  scalingShortfall,
  lossOfScaling,
  desiredExecutors,
  isReached,
  readCountState
} from '../../src/launchers/kubernetes/resize/executor-count.js';

const of = (min: number, max = min) => ({ min, max });
const state = (wanted: number | string, registered: number, ended = 0, cached = 0) =>
  readCountState(`wanted ${wanted}\nregistered ${registered}\nended ${ended}\ncached ${cached}\n`);

describe('Another number of executors', () => {
  it('is in force when so many have come, and not when it was asked for', () => {
    expect(isReached(null, of(4))).toBe(false);
    expect(isReached(state(2, 2), of(4))).toBe(false);
    expect(isReached(state(4, 3), of(4))).toBe(false);
    expect(isReached(state(4, 4), of(4))).toBe(true);
    expect(scalingShortfall(state(4, 4), of(4), null)).toBeNull();
  });

  it('that is not reached says how many there are, and what the others wait for', () => {
    const waiting = {
      for: 'a place for an executor: it needs 2 GiB; the largest free node has 1 GiB',
      advice: 'Stop a Spark that you do not need.'
    };
    expect(scalingShortfall(state(4, 2), of(4), waiting)).toBe(
      '2 of 4 executors are there. Spark waits for a place for an executor: it needs 2 GiB; the largest free node has ' +
        '1 GiB. Stop a Spark that you do not need.'
    );
    expect(scalingShortfall(state(4, 2), of(4), null)).toMatch(/^2 of 4 .*the others are starting/);
  });

  it('that is smaller waits for executors at work rather than lose what they do', () => {
    expect(scalingShortfall(state(1, 3), of(1), null)).toMatch(
      /still 3 executors instead of 1: 2 are at work/
    );
    expect(scalingShortfall(state(1, 2), of(1), null)).toMatch(/one is at work.*no work is lost/);
  });

  it('that the driver has not heard of is said to be on its way', () => {
    for (const old of [null, state(2, 2)])
      expect(scalingShortfall(old, of(4), null)).toMatch(/has not answered yet.*4 executors/);
  });

  it('may be a range: it is in force when its least have come and no more than its most are left', () => {
    expect([of(4), of(2, 8)].map(desiredExecutors)).toEqual(['4', '2-8']);
    // Of another range, or of the number before it.
    for (const old of [state('2-6', 4), state(4, 4)]) {
      expect(isReached(old, of(2, 8))).toBe(false);
      expect(scalingShortfall(old, of(2, 8), null)).toMatch(/not answered yet.* 2 to 8 executors/);
    }
    const reached = [1, 2, 5, 8, 9].map(count => isReached(state('2-8', count), of(2, 8)));
    expect(reached).toEqual([false, true, true, true, false]);
    expect(scalingShortfall(state('2-8', 1), of(2, 8), null)).toMatch(
      /^1 of 2 executors are there/
    );
    expect(scalingShortfall(state('2-8', 10), of(2, 8), null)).toMatch(/10 executors instead of 8/);
  });

  it('that is smaller says what was cached on those that ended, if anything was', () => {
    expect(lossOfScaling(state(1, 1, 1, 0))).toBeNull();
    expect(lossOfScaling(state(1, 1, 2, 300 * 2 ** 20))).toBe(
      '2 executors ended, and with them 300 MiB of cached data. Spark reads or computes them again when they are needed.'
    );
  });

  it('is not taken by a driver that counts its executors by itself', () => {
    expect(state(4, 2).refused).toBe(false);
    expect(readCountState('wanted 4\nregistered 2\nended 0\ncached 0\nrefused\n').refused).toBe(
      true
    );
  });
});
