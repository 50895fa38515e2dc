import { describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { KeyedMutex } from '../src/keyed-mutex.js';

describe('KeyedMutex', () => {
  it('runs tasks with the same key one after the other, in their order', async () => {
    const mutex = new KeyedMutex();
    const order: string[] = [];
    const work = (name: string, ms: number) =>
      mutex.runExclusive('key', async () => {
        order.push(`${name} begins`);
        await sleep(ms);
        order.push(`${name} ends`);
        return name;
      });
    expect(await Promise.all([work('a', 20), work('b', 1), work('c', 5)])).toEqual(['a', 'b', 'c']);
    expect(order).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  });

  it('runs tasks with other keys concurrently', async () => {
    const mutex = new KeyedMutex();
    let release = () => {};
    const slow = mutex.runExclusive(
      'slow',
      () => new Promise<void>(resolve => (release = resolve))
    );
    expect(await mutex.runExclusive('other', () => Promise.resolve('done'))).toBe('done');
    release();
    await slow;
  });

  it('continues after a failure, which only its own caller gets', async () => {
    const mutex = new KeyedMutex();
    const broken = mutex.runExclusive('key', () => Promise.reject(new Error('no')));
    const next = mutex.runExclusive('key', () => Promise.resolve(1));
    await expect(broken).rejects.toThrow('no');
    expect(await next).toBe(1);
  });

  it('is drained only when the last task has finished', async () => {
    const mutex = new KeyedMutex();
    let done = 0;
    for (const ms of [1, 10, 5]) {
      void mutex.runExclusive('key', () => sleep(ms).then(() => void (done += 1)));
    }
    await mutex.drain();
    expect(done).toBe(3);
  });
});
