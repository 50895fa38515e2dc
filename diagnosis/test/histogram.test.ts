import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Histogram } from '../src/application/histogram.js';

describe('a histogram', () => {
  it('has its quantiles within 2.2 %, in any order of adding', () => {
    const values = fc.array(fc.integer({ min: 1, max: 1e12 }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (all, share) => {
        const one = new Histogram();
        for (const value of all) one.add(value);
        const other = new Histogram();
        for (const value of [...all].reverse()) other.add(value);
        const sorted = [...all].sort((a, b) => a - b);
        const exact = sorted[Math.min(all.length - 1, Math.floor(share * all.length))]!;
        expect(Math.abs(one.quantile(share) / exact - 1)).toBeLessThan(0.022);
        expect(other.quantile(share)).toBe(one.quantile(share));
      })
    );
  });
});
