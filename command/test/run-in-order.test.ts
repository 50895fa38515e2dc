import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { runInOrder } from '../src/run-in-order.js';

describe('Concurrent jobs', () => {
  it('return their results in order, never too many at once nor too far ahead', async () => {
    const delays = fc.array(fc.nat(3), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(delays, fc.integer({ min: 1, max: 5 }), async (jobs, atOnce) => {
        let running = 0;
        let started = 0;
        let most = 0;
        let taken = 0;
        let farthest = 0;
        const run = async (job: { index: number; turns: number }): Promise<number> => {
          most = Math.max(most, (running += 1));
          farthest = Math.max(farthest, (started += 1) - taken);
          for (let turn = 0; turn < job.turns; turn += 1) await Promise.resolve();
          running -= 1;
          return job.index;
        };
        const results: number[] = [];
        const list = jobs.map((turns, index) => ({ index, turns }));
        for await (const result of runInOrder(list, atOnce, run)) {
          results.push(result);
          taken += 1;
        }
        expect(results).toEqual(jobs.map((_, index) => index));
        expect(most).toBeLessThanOrEqual(atOnce);
        expect(farthest).toBeLessThanOrEqual(4 * atOnce);
      }),
      { numRuns: 200 }
    );
  });

  it('use all slots: a slow one does not delay the others', async () => {
    let release = (): void => undefined;
    const done: number[] = [];
    const run = async (job: number): Promise<number> => {
      if (job === 0) await new Promise<void>(resolve => (release = resolve));
      done.push(job);
      if (done.length === 3) release();
      return job;
    };
    const results: number[] = [];
    for await (const result of runInOrder([0, 1, 2, 3], 2, run)) results.push(result);
    expect(done).toEqual([1, 2, 3, 0]);
    expect(results).toEqual([0, 1, 2, 3]);
  });

  it('pass on a failure', async () => {
    const run = (job: number): Promise<number> =>
      job === 1 ? Promise.reject(new Error('broken')) : Promise.resolve(job);
    const take = async (): Promise<void> => {
      for await (const result of runInOrder([0, 1, 2], 2, run)) expect(result).toBe(0);
    };
    await expect(take()).rejects.toThrow('broken');
  });

  it('are not started any more when the consumer stops', async () => {
    const finish: (() => void)[] = [];
    const run = (job: number): Promise<number> =>
      new Promise(resolve => finish.push(() => resolve(job)));
    const results = runInOrder([0, 1, 2, 3, 4, 5], 2, run);
    const first = results.next();
    finish[0]!();
    expect(await first).toEqual({ value: 0, done: false });
    const started = finish.length;
    await results.return(undefined);
    for (const end of finish) end();
    await new Promise(resolve => setTimeout(resolve, 10));
    expect(finish).toHaveLength(started);
  });
});
