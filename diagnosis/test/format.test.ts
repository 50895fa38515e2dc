import { describe, expect, it } from '@jest/globals';
import { formatDuration, formatMiB, formatNames } from '../src/detectors/format.js';

describe('numbers', () => {
  it('are formatted for people', () => {
    expect([430, 1023.4, 1023.6, 1434, 2048].map(formatMiB)).toEqual([
      '430 MiB',
      '1023 MiB',
      '1.0 GiB',
      '1.4 GiB',
      '2.0 GiB'
    ]);
    expect([400, 9960, 13_308, 240_000, 3_900_000].map(formatDuration)).toEqual([
      '0.4 s',
      '10 s',
      '13 s',
      '4 min',
      '1 h 5 min'
    ]);
    expect(formatNames('executor', ['1', '2', '3'])).toBe('executors 1, 2 and 3');
  });
});
