import { describe, expect, it } from '@jest/globals';
import { decide } from '../src/clusters/lifecycle/decide.js';
import type { ObservedCluster } from '../src/launchers/launcher.js';
import { row } from './support/rows.js';

const deadlines = { startMs: 60_000, idleMs: 3_600_000 };
const seen = (change: Partial<ObservedCluster>): ObservedCluster => ({
  id: 'c1',
  state: 'ready',
  url: null,
  ca: null,
  advice: null,
  waitingFor: null,
  shareProblems: [],
  exit: null,
  ...change
});

describe('What is decided for a cluster that is wanted', () => {
  it('starts it when it was asked for and nothing is there', () => {
    const decision = decide(row({ state: 'requested' }), null, false, 2_000, deadlines);
    expect(decision).toMatchObject({ action: 'start', state: 'starting', desired: 'running' });
  });

  it('starts it again when the server died before anything of the start was to be seen', () => {
    const decision = decide(row({ state: 'starting' }), null, false, 2_000, deadlines);
    expect(decision).toMatchObject({ action: 'start', state: 'starting', reason: null });
  });

  it('gives up a start of which nothing is ever seen', () => {
    const decision = decide(row({ state: 'starting' }), null, false, 62_000, deadlines);
    expect(decision).toMatchObject({ action: 'stop', state: 'failed', desired: 'stopped' });
    expect(decision.reason).toMatch(/did not start within 1 minute.*the driver/);
  });

  it('waits while it starts', () => {
    const observed = seen({ state: 'starting', waitingFor: 'the driver' });
    const decision = decide(row({ state: 'starting' }), observed, false, 60_000, deadlines);
    expect(decision).toMatchObject({ action: 'none', state: 'starting' });
  });

  it('gives up a start that takes too long, and says what it was waiting for', () => {
    const observed = seen({ state: 'starting', waitingFor: 'the tables of the shares' });
    const decision = decide(row({ state: 'starting' }), observed, false, 61_001, deadlines);
    expect(decision).toMatchObject({ action: 'stop', state: 'failed', desired: 'stopped' });
    expect(decision.reason).toMatch(/within 1 minute.*the tables of the shares.*driver\.log/);
  });

  it('is ready when the launcher sees it ready', () => {
    const decision = decide(row({ state: 'starting' }), seen({}), false, 2_000, deadlines);
    expect(decision).toMatchObject({ action: 'none', state: 'ready' });
  });

  it('has failed with the reason that the launcher gives when its driver ended', () => {
    const observed = seen({ state: 'exited', exit: 'The driver was killed.' });
    expect(decide(row(), observed, true, 2_000, deadlines)).toEqual({
      action: 'stop',
      state: 'failed',
      desired: 'stopped',
      reason: 'The driver was killed.'
    });
  });

  it('has failed when it was ready and nothing is there any more', () => {
    const decision = decide(row(), null, false, 2_000, deadlines);
    expect(decision).toMatchObject({ state: 'failed', desired: 'stopped' });
    expect(decision.reason).toMatch(/disappeared/);
  });

  it('stays if a server that has just taken it over does not know yet that it is ready', () => {
    const observed = seen({ state: 'starting', url: null });
    const late = 10 * deadlines.startMs;
    const decision = decide(row({ ready_at: 1_500 }), observed, false, late, deadlines);
    expect(decision).toMatchObject({ action: 'none', state: 'ready', desired: 'running' });
  });

  it('stays while it is used, however long ago the last cell began', () => {
    const decision = decide(row(), seen({}), true, 10 * deadlines.idleMs, deadlines);
    expect(decision).toMatchObject({ action: 'none', state: 'ready' });
  });

  it('stays to the last moment of its idle time', () => {
    const decision = decide(row(), seen({}), false, 1_000 + deadlines.idleMs, deadlines);
    expect(decision).toMatchObject({ action: 'none', state: 'ready' });
  });

  it('is stopped after its idle time with a reason that says what is gone and what is kept', () => {
    const decision = decide(row(), seen({}), false, 1_001 + deadlines.idleMs, deadlines);
    expect(decision).toMatchObject({ action: 'stop', state: 'stopping', desired: 'stopped' });
    expect(decision.reason).toMatch(/nothing used it for 60 minutes/);
    expect(decision.reason).toMatch(
      /Variables are kept; temporary views and cached tables are gone/
    );
  });

  it.each([
    [1_200, '1 second'],
    [45_000, '45 seconds'],
    [60_000, '1 minute'],
    [5_400_000, '90 minutes']
  ])('says an idle time of %d ms as "%s"', (idleMs, words) => {
    const decision = decide(row(), seen({}), false, 10 ** 9, { ...deadlines, idleMs });
    expect(decision.reason).toContain(`for ${words}.`);
  });
});

describe('What is decided for a cluster that is not wanted', () => {
  const unwanted = (state: string) => row({ desired: 'stopped', state, reason: 'You said so.' });

  it('stops it, in whatever state it is seen', () => {
    for (const state of ['starting', 'ready', 'exited'] as const) {
      const decision = decide(unwanted('stopping'), seen({ state }), true, 2_000, deadlines);
      expect(decision).toMatchObject({ action: 'stop', state: 'stopping', reason: 'You said so.' });
    }
  });

  it('is stopped when nothing is there', () => {
    const decision = decide(unwanted('stopping'), null, false, 2_000, deadlines);
    expect(decision).toMatchObject({ action: 'none', state: 'stopped', reason: 'You said so.' });
  });

  it('is never started, also when its stop was asked for before its start', () => {
    expect(decide(unwanted('requested'), null, false, 2_000, deadlines).action).toBe('none');
  });

  it('stays failed while what it left is tidied, and after', () => {
    expect(
      decide(unwanted('failed'), seen({ state: 'exited' }), false, 2_000, deadlines)
    ).toMatchObject({ action: 'stop', state: 'failed' });
    expect(decide(unwanted('failed'), null, false, 2_000, deadlines)).toMatchObject({
      action: 'none',
      state: 'failed'
    });
  });
});
