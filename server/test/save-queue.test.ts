import { describe, expect, it } from '@jest/globals';
import { SaveQueue } from '../src/evidence/save-queue.js';

const QUICK = { firstMs: 5, longestMs: 10 };
const transient = () => Object.assign(new Error('the database is away'), { code: 'ECONNREFUSED' });
const permanent = () => Object.assign(new Error('out of range'), { code: '22003' });

describe('SaveQueue', () => {
  const open = () => {
    const problems: (string | null)[] = [];
    const queue = new SaveQueue({
      onError: () => undefined,
      onProblem: problem => problems.push(problem),
      retry: QUICK
    });
    return { queue, problems };
  };

  it('saves records in order, and only the latest state of a pending one', async () => {
    const { queue } = open();
    const saved: string[] = [];
    let release = () => {};
    queue.add('first', () => new Promise(resolve => (release = resolve)));
    for (const state of ['a1', 'b1', 'a2'])
      queue.add(state[0]!, async () => void saved.push(state));
    release();
    expect(await queue.drain(1_000)).toBe(true);
    expect(saved).toEqual(['b1', 'a2']);
  });

  it('waits for an unavailable database, reports it after a while, and withdraws the report', async () => {
    const { queue, problems } = open();
    let failures = 5;
    const saved: string[] = [];
    const save = async () => {
      if ((failures -= 1) >= 0) throw transient();
      saved.push('finding');
    };
    queue.add('finding', save);
    expect(await queue.drain(5_000)).toBe(true);
    expect(saved).toEqual(['finding']);
    expect(problems).toEqual([expect.stringMatching(/cannot be saved at the moment/), null]);
  });

  it('drops what the database refuses permanently, reports it, and saves the rest', async () => {
    const { queue, problems } = open();
    const saved: string[] = [];
    queue.add('bad', () => Promise.reject(permanent()));
    queue.add('good', async () => void saved.push('good'));
    expect(await queue.drain(1_000)).toBe(true);
    expect({ saved, left: queue.size }).toEqual({ saved: ['good'], left: 0 });
    expect(problems).toEqual([expect.stringMatching(/refused 1 record .*out of range/)]);
  });

  it('reports within its deadline that it could not save everything', async () => {
    const { queue } = open();
    queue.add('finding', () => Promise.reject(transient()));
    expect(await queue.drain(30)).toBe(false);
    await queue.close();
    expect(queue.size).toBe(1);
  });
});
