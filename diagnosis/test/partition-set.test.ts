import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { PartitionSet } from '../src/application/partition-set.js';

describe('a set of partitions', () => {
  it('behaves like a set', () => {
    const step = fc.tuple(fc.boolean(), fc.nat(300));
    fc.assert(
      fc.property(fc.array(step), steps => {
        const partitions = new PartitionSet();
        const set = new Set<number>();
        for (const [add, partition] of steps) {
          if (add) {
            partitions.add(partition);
            set.add(partition);
          } else {
            partitions.delete(partition);
            set.delete(partition);
          }
        }
        expect(partitions.size).toBe(set.size);
        for (let i = 0; i <= 300; i += 1) expect(partitions.has(i)).toBe(set.has(i));
      })
    );
  });
});
