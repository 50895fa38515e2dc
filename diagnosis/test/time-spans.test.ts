import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { TimeSpans } from '../src/application/time-spans.js';

describe('time spans', () => {
  it('have the length of the time that they cover, in any order', () => {
    const span = fc
      .tuple(fc.nat(60), fc.nat(12))
      .map(([from, length]) => [from, from + length] as const);
    fc.assert(
      fc.property(fc.array(span), added => {
        const covered = new Set(
          added.flatMap(([from, to]) => Array.from({ length: to - from }, (_, i) => from + i))
        );
        const spans = new TimeSpans();
        for (const [from, to] of added) spans.add(from, to);
        expect(spans.length).toBe(covered.size);
      })
    );
  });
});
