import { describe, expect, it } from '@jest/globals';
import { Shape, shapeTotalMiB } from '@aglais/protocol';
import fc from 'fast-check';
import { admit, holdersOf, largestShape } from '../src/clusters/admission/admit.js';
import { machineCapacity } from '../src/launchers/local/machine-capacity.js';
import { ProblemError } from '../src/problems.js';
import { row } from './support/rows.js';
import { SMALL } from './support/server.js';

const refusal = (action: () => void): ProblemError => {
  try {
    action();
  } catch (error) {
    if (error instanceof ProblemError) return error;
    throw error;
  }
  throw new Error('was admitted');
};

describe('Admission', () => {
  // 512 + 256 for the driver, 512 + 256 for the executor
  const one = 1_536;
  const holder = (notebook: string, grantedMiB = one) => ({ cluster: 'c', notebook, grantedMiB });

  it('admits what fits to the last MiB', () => {
    expect(() => admit(SMALL, machineCapacity(one), [], SMALL)).not.toThrow();
    expect(() => admit(SMALL, machineCapacity(2 * one), [holder('a.ipynb')], SMALL)).not.toThrow();
  });

  it('counts a cluster and the one that waits for its end as the larger of the two', () => {
    const large = JSON.stringify({ ...SMALL, executorMemoryMiB: SMALL.executorMemoryMiB + 100 });
    const held = (old: string, next: string) =>
      holdersOf(
        [row({ shape: old }), row({ id: 'c2', shape: next, replaces: 'c1' })],
        machineCapacity(0)
      )
        .map(({ grantedMiB }) => grantedMiB)
        .reduce((sum, mib) => sum + mib);
    const small = JSON.stringify(SMALL);
    expect([held(small, small), held(small, large), held(large, small)]).toEqual([
      ...[one, one + 100, one + 100]
    ]);
    expect(holdersOf([row({ replaces: 'gone' })], machineCapacity(0))).toMatchObject([
      { grantedMiB: one }
    ]);
  });

  it('refuses a shape that is larger than the machine, and names the largest one that fits', () => {
    const problem = refusal(() =>
      admit({ ...SMALL, executorMemoryMiB: 900_000 }, machineCapacity(2_048), [], SMALL)
    );
    expect(problem).toMatchObject({ status: 409, kind: 'shape-too-large' });
    expect(problem.message).toMatch(/needs 879\.\d GiB, and this machine has 2\.0 GiB/);
    expect(problem.message).toMatch(/largest that fits has 1 executor with 1\.0 GiB of heap\b/);
    expect(problem.message).toContain('Nothing was started');
  });

  it('refuses when others hold the memory, with the holders and a remedy', () => {
    const holders = [holder('gaia/stars.ipynb'), holder('')];
    const problem = refusal(() => admit(SMALL, machineCapacity(2 * one + 512), holders, SMALL));
    expect(problem).toMatchObject({ status: 409, kind: 'memory-exhausted' });
    expect(problem.message).toMatch(/needs 1\.5 GiB, and 0\.5 GiB of 3\.5 GiB are free/);
    expect(problem.message).toContain('gaia/stars.ipynb holds 1.5 GiB, a notebook holds 1.5 GiB');
    expect(problem.message).toMatch(/Stop one of them/);
  });

  it('never reports a negative amount of free memory, after the limit was lowered', () => {
    const problem = refusal(() =>
      admit(SMALL, machineCapacity(one), [holder('a'), holder('b')], SMALL)
    );
    expect(problem.message).toContain('0.0 GiB of 1.5 GiB are free');
  });
});

describe('The largest shape', () => {
  it('is the default with all remaining memory for executors', () => {
    expect(
      largestShape(machineCapacity(8_192), { ...SMALL, executors: { min: 2, max: 2 } })
    ).toEqual({
      ...SMALL,
      executors: { min: 2, max: 2 },
      executorMemoryMiB: (8_192 - 768) / 2 - 256
    });
  });

  it('is a valid shape that fits, on every machine that can run Spark', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 896, max: 4_194_304 }),
        fc.integer({ min: 256, max: 8_192 }),
        fc.integer({ min: 128, max: 8_192 }),
        fc.integer({ min: 1, max: 64 }),
        (memoryMiB, driverMemoryMiB, executorOverheadMiB, max) => {
          const base = {
            ...SMALL,
            driverMemoryMiB,
            executorOverheadMiB,
            executors: { min: max, max }
          };
          const largest = largestShape(machineCapacity(memoryMiB), base);
          expect(Shape.safeParse(largest).error).toBeUndefined();
          expect(shapeTotalMiB(largest)).toBeLessThanOrEqual(memoryMiB);
          expect(() => admit(largest, machineCapacity(memoryMiB), [], base)).not.toThrow();
        }
      )
    );
  });
});
