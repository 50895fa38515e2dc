import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { Leases } from '../src/replicas/leases.js';
import { openStore, type WholeStore } from '../src/store/store.js';

const log = pino({ level: 'silent' });

/** Its renewals are made by the test. */
class TestLeases extends Leases {
  declare renew: () => Promise<void>;
}

let store: WholeStore;
let one: TestLeases;
let other: TestLeases;
/** Called when the database has answered a renewal of the first server, before the server knows of it. */
let onAnswer: () => Promise<void>;

beforeEach(async () => {
  store = await openStore(':memory:');
  onAnswer = () => Promise.resolve();
  const renewals = store.withPlugin({
    transformQuery: ({ node }) => node,
    transformResult: async ({ result }) => {
      await onAnswer();
      return result;
    }
  });
  one = new TestLeases(store, log, renewals);
  other = new TestLeases(store, log);
  await one.announce();
  await other.announce();
});
afterEach(() => store.destroy());

describe('A lease', () => {
  it('is held by the server that claims it, and by no other', async () => {
    expect(await one.claim(['a'])).toEqual(['a']);
    expect(await other.claim(['a'])).toEqual([]);
    expect(one.hasValidLease('a')).toBe(true);
    expect(other.hasValidLease('a')).toBe(false);
  });

  it('that was released during a renewal is not held again by it', async () => {
    await one.claim(['a']);
    onAnswer = () => one.release('a');
    await one.renew();
    expect(one.holdsLease('a')).toBe(false);
    expect(one.takeGranted()).toEqual([]);
  });

  it('that was given to another server during a renewal is held by that one only', async () => {
    await one.claim(['a']);
    onAnswer = () => one.handOver(['a'], other.holder, () => Promise.resolve());
    await one.renew();
    await other.renew();
    expect(one.holdsLease('a')).toBe(false);
    expect(other.takeGranted()).toEqual(['a']);
    expect(other.hasValidLease('a')).toBe(true);
  });

  it('is nobody’s while its holder settles what it did with it', async () => {
    await one.claim(['a']);
    await one.handOver(['a'], other.holder, async () => {
      await one.renew();
      await other.renew();
      expect([one.holdsLease('a'), other.holdsLease('a')]).toEqual([false, false]);
    });
    await other.renew();
    expect(other.holdsLease('a')).toBe(true);
  });

  it('comes back to a server that gave it away and is given it again', async () => {
    await one.claim(['a']);
    await one.handOver(['a'], other.holder, () => Promise.resolve());
    await other.renew();
    await other.handOver(['a'], one.holder, () => Promise.resolve());
    await one.renew();
    expect(one.takeGranted()).toEqual(['a']);
    expect(other.holdsLease('a')).toBe(false);
  });

  it('stays where it is if the other server does not run', async () => {
    await one.claim(['a']);
    await one.handOver(['a'], 'a server that never announced itself', () => Promise.resolve());
    await one.renew();
    expect(one.holdsLease('a')).toBe(true);
  });
});
