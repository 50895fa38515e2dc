import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { WorkQueue, type WorkQueueOptions } from '../src/clusters/lifecycle/work-queue.js';
import { eventually } from './support/server.js';

const QUICK = { firstMs: 10, longestMs: 80 };

/** A step that ends when the test says so. */
function gate() {
  let open = () => {};
  const opened = new Promise<void>(resolve => (open = resolve));
  return { opened, open };
}

describe('WorkQueue', () => {
  let queue: WorkQueue;
  const errors: { key: string; failures: number; retryInMs: number }[] = [];
  const overdue: string[] = [];
  const make = (work: WorkQueueOptions['work'], more: Partial<WorkQueueOptions> = {}) => {
    errors.length = overdue.length = 0;
    queue = new WorkQueue({
      work,
      onError: (key, _error, failures, retryInMs) => errors.push({ key, failures, retryInMs }),
      onOverdue: key => overdue.push(key),
      parallelism: 4,
      deadlineMs: 60_000,
      backOff: QUICK,
      random: () => 1,
      ...more
    });
    return queue;
  };
  afterEach(() => queue.close(1_000));

  it('processes one key by one worker at a time, and once more if it was added meanwhile', async () => {
    let working = 0;
    let most = 0;
    let steps = 0;
    const first = gate();
    make(async () => {
      most = Math.max(most, (working += 1));
      steps += 1;
      if (steps === 1) await first.opened;
      working -= 1;
      return null;
    });
    for (let i = 0; i < 10; i += 1) queue.add('a');
    await sleep(20);
    for (let i = 0; i < 10; i += 1) queue.add('a');
    first.open();
    await eventually('an empty queue', () => queue.depth === 0);
    expect({ most, steps }).toEqual({ most: 1, steps: 2 });
  });

  it('is not blocked by a key that hangs, and does not start it a second time', async () => {
    const hung = gate();
    const worked: string[] = [];
    make(
      async key => {
        worked.push(key);
        if (key === 'hangs') await hung.opened;
        return null;
      },
      { parallelism: 1, deadlineMs: 30 }
    );
    queue.add('hangs');
    queue.add('other');
    await eventually('the other', () => worked.includes('other'));
    queue.add('hangs');
    await sleep(50);
    expect(worked).toEqual(['hangs', 'other']);
    expect({ overdue, stuck: queue.overdue }).toEqual({ overdue: ['hangs'], stuck: 1 });
    hung.open();
    await eventually('its second step', () => worked.length === 3 && queue.depth === 0);
    expect(queue.overdue).toBe(0);
  });

  it('never processes more keys at a time than its limit', async () => {
    let working = 0;
    let most = 0;
    make(
      async () => {
        most = Math.max(most, (working += 1));
        await sleep(5);
        working -= 1;
        return null;
      },
      { parallelism: 3 }
    );
    for (let i = 0; i < 20; i += 1) queue.add(`key ${i}`);
    await eventually('an empty queue', () => queue.depth === 0);
    expect(most).toBe(3);
  });

  it('retries a key that fails with back-off, and resets it after a success', async () => {
    let left = 5;
    make(async () => {
      if ((left -= 1) >= 0) throw new Error('no');
      return null;
    });
    queue.add('a');
    await eventually('a success', () => queue.depth === 0);
    expect(errors.map(({ retryInMs }) => retryInMs)).toEqual([10, 20, 40, 80, 80]);
    left = 1;
    queue.add('a');
    await eventually('a success', () => queue.depth === 0);
    expect(errors.at(-1)).toEqual({ key: 'a', failures: 1, retryInMs: 10 });
  });

  it('waits as long as a server requests', async () => {
    let failed = false;
    make(async () => {
      if (failed) return null;
      failed = true;
      throw Object.assign(new Error('too many requests'), { retryAfterMs: 120 });
    });
    const began = performance.now();
    queue.add('a');
    await eventually('a success', () => queue.depth === 0);
    expect(errors).toEqual([{ key: 'a', failures: 1, retryInMs: 120 }]);
    expect(performance.now() - began).toBeGreaterThan(110);
  });

  it('does not shorten a back-off because of changes, but because of a request', async () => {
    let steps = 0;
    make(
      async () => {
        steps += 1;
        throw new Error('no');
      },
      { backOff: { firstMs: 10_000, longestMs: 10_000 } }
    );
    queue.add('a');
    await eventually('a failure', () => queue.failing === 1);
    for (let i = 0; i < 50; i += 1) queue.notify('a');
    queue.addIfAbsent('a');
    await sleep(30);
    expect(steps).toBe(1);
    queue.add('a');
    await eventually('a second step', () => steps === 2);
  });

  it('processes a key again when its step asks for it, and earlier if it is added', async () => {
    const at: number[] = [];
    make(async () => at.push(performance.now()) && 10_000);
    queue.add('a');
    await eventually('a step', () => at.length === 1);
    await sleep(20);
    expect(at).toHaveLength(1);
    queue.add('a');
    await eventually('another step', () => at.length === 2);
    queue.addAfter('a', 30);
    await eventually('a third step', () => at.length === 3);
    expect(at[2]! - at[1]!).toBeGreaterThan(25);
    queue.forget('a');
    expect(queue.depth).toBe(0);
  });

  it('starts nothing after it was closed, and limits the wait for running steps', async () => {
    const hung = gate();
    let steps = 0;
    make(async () => {
      steps += 1;
      await hung.opened;
      return 0;
    });
    queue.add('a');
    await eventually('a step', () => steps === 1);
    const began = performance.now();
    await queue.close(50);
    expect(performance.now() - began).toBeLessThan(5_000);
    queue.add('b');
    hung.open();
    await sleep(20);
    expect(steps).toBe(1);
  });
});
