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

describe('The decision for a desired cluster', () => {
  it('starts it if it was requested and does not exist', () => {
    const decision = decide(row({ state: 'requested' }), null, false, 2_000, deadlines);
    expect(decision).toMatchObject({ action: 'start', state: 'starting', desired: 'running' });
  });

  it('starts it again if the server died before anything of the start was observable', () => {
    const decision = decide(row({ state: 'starting' }), null, false, 2_000, deadlines);
    expect(decision).toMatchObject({ action: 'start', state: 'starting', reason: null });
  });

  it('gives up a start of which nothing is ever observed', () => {
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

  it('marks it as ready when the launcher does', () => {
    const decision = decide(row({ state: 'starting' }), seen({}), false, 2_000, deadlines);
    expect(decision).toMatchObject({ action: 'none', state: 'ready' });
  });

  it("marks it as failed with the launcher's reason when its driver exited", () => {
    const observed = seen({ state: 'exited', exit: 'The driver was killed.' });
    expect(decide(row(), observed, true, 2_000, deadlines)).toEqual({
      action: 'stop',
      state: 'failed',
      desired: 'stopped',
      reason: 'The driver was killed.'
    });
  });

  it('marks it as failed when it was ready and does not exist any more', () => {
    const decision = decide(row(), null, false, 2_000, deadlines);
    expect(decision).toMatchObject({ state: 'failed', desired: 'stopped' });
    expect(decision.reason).toMatch(/disappeared/);
  });

  it('keeps it if a server that has just taken it over does not know yet that it is ready', () => {
    const observed = seen({ state: 'starting', url: null });
    const late = 10 * deadlines.startMs;
    const decision = decide(row({ ready_at: 1_500 }), observed, false, late, deadlines);
    expect(decision).toMatchObject({ action: 'none', state: 'ready', desired: 'running' });
  });

  it('keeps it while it is used, however long ago the last cell started', () => {
    const decision = decide(row(), seen({}), true, 10 * deadlines.idleMs, deadlines);
    expect(decision).toMatchObject({ action: 'none', state: 'ready' });
  });

  it('keeps it until the last moment of its idle time', () => {
    const decision = decide(row(), seen({}), false, 1_000 + deadlines.idleMs, deadlines);
    expect(decision).toMatchObject({ action: 'none', state: 'ready' });
  });

  it('stops it after its idle time, and says what is lost and what is kept', () => {
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
  ])('formats an idle time of %d ms as "%s"', (idleMs, words) => {
    const decision = decide(row(), seen({}), false, 10 ** 9, { ...deadlines, idleMs });
    expect(decision.reason).toContain(`for ${words}.`);
  });
});

describe('The decision for a cluster that is not desired', () => {
  const unwanted = (state: string) => row({ desired: 'stopped', state, reason: 'You said so.' });

  it('stops it, in any observed state', () => {
    for (const state of ['starting', 'ready', 'exited'] as const) {
      const decision = decide(unwanted('stopping'), seen({ state }), true, 2_000, deadlines);
      expect(decision).toMatchObject({ action: 'stop', state: 'stopping', reason: 'You said so.' });
    }
  });

  it('marks it as stopped when it does not exist', () => {
    const decision = decide(unwanted('stopping'), null, false, 2_000, deadlines);
    expect(decision).toMatchObject({ action: 'none', state: 'stopped', reason: 'You said so.' });
  });

  it('never starts it, even if its stop was requested before its start', () => {
    expect(decide(unwanted('requested'), null, false, 2_000, deadlines).action).toBe('none');
  });

  it('keeps it failed while it is cleaned up, and afterwards', () => {
    expect(
      decide(unwanted('failed'), seen({ state: 'exited' }), false, 2_000, deadlines)
    ).toMatchObject({ action: 'stop', state: 'failed' });
    expect(decide(unwanted('failed'), null, false, 2_000, deadlines)).toMatchObject({
      action: 'none',
      state: 'failed'
    });
  });
});
