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
  it('is in effect when that many have registered, not when it was requested', () => {
    expect(isReached(null, of(4))).toBe(false);
    expect(isReached(state(2, 2), of(4))).toBe(false);
    expect(isReached(state(4, 3), of(4))).toBe(false);
    expect(isReached(state(4, 4), of(4))).toBe(true);
    expect(scalingShortfall(state(4, 4), of(4), null)).toBeNull();
  });

  it('that is not reached is reported with the current number, and why the others are pending', () => {
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

  it('that is lower waits for busy executors instead of losing their work', () => {
    expect(scalingShortfall(state(1, 3), of(1), null)).toMatch(
      /still 3 executors instead of 1: 2 are at work/
    );
    expect(scalingShortfall(state(1, 2), of(1), null)).toMatch(/one is at work.*no work is lost/);
  });

  it('that the driver has not read yet is reported as in progress', () => {
    for (const old of [null, state(2, 2)])
      expect(scalingShortfall(old, of(4), null)).toMatch(/has not answered yet.*4 executors/);
  });

  it('may be a range: it is in effect between its minimum and its maximum', () => {
    expect([of(4), of(2, 8)].map(desiredExecutors)).toEqual(['4', '2-8']);
    // For another range, or for the previous number.
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

  it('that is lower reports the cached data of removed executors, if there was any', () => {
    expect(lossOfScaling(state(1, 1, 1, 0))).toBeNull();
    expect(lossOfScaling(state(1, 1, 2, 300 * 2 ** 20))).toBe(
      '2 executors ended, and with them 300 MiB of cached data. Spark reads or computes them again when they are needed.'
    );
  });

  it('is not supported by a driver whose own settings enable dynamic allocation', () => {
    expect(state(4, 2).refused).toBe(false);
    expect(readCountState('wanted 4\nregistered 2\nended 0\ncached 0\nrefused\n').refused).toBe(
      true
    );
  });
});
