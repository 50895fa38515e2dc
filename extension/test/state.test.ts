import { describe, expect, it } from '@jest/globals';
import type { StreamMessage } from '@aglais/protocol';
import { EMPTY_STATE, reduce, withCluster, type State } from '../src/backend/state';
import { cellRun, cluster, located } from './samples';

const fold = (...messages: StreamMessage[]): State => messages.reduce(reduce, EMPTY_STATE);
const runs = (state: State) => [...state.cellRuns.values()];

describe('the state of the page', () => {
  it('is replaced by a snapshot', () => {
    const state = fold(
      { type: 'cluster', cursor: '1', cluster: cluster({ id: 'old' }) },
      {
        type: 'snapshot',
        cursor: '9',
        clusters: [cluster({ id: 'new' })],
        cellRuns: [cellRun()],
        findings: [located({ cell: 'a' })]
      }
    );
    expect([...state.clusters.keys()]).toEqual(['new']);
    expect(runs(state)).toEqual([cellRun()]);
    expect([...state.findings.values()]).toEqual([located({ cell: 'a' })]);
    expect(state.cursor).toBe('9');
  });

  it('is kept when a connection is resumed, with the new cursor', () => {
    const before = fold({ type: 'cluster', cursor: '1', cluster: cluster() });
    const after = reduce(before, { type: 'resumed', cursor: '2' });
    expect(after).toEqual({ ...before, cursor: '2' });
  });

  it('never goes back to an earlier revision of a cluster', () => {
    const state = fold(
      { type: 'cluster', cursor: '1', cluster: cluster({ revision: 5, state: 'ready' }) },
      { type: 'cluster', cursor: '2', cluster: cluster({ revision: 4, state: 'starting' }) }
    );
    expect(state.clusters.get('c1')?.state).toBe('ready');
    expect(state.cursor).toBe('2');
  });

  it('includes the response to a request before the stream has the change', () => {
    const state = withCluster(EMPTY_STATE, cluster({ state: 'requested' }));
    expect(state.clusters.get('c1')?.state).toBe('requested');
    expect(state.cursor).toBeNull();
  });

  it('keeps the latest run of a cell in each kernel, whatever the order of the messages', () => {
    const message = (run: number, kernel = 'k1'): StreamMessage => ({
      type: 'cell-run',
      cursor: `${run}`,
      cellRun: cellRun({ run, kernel })
    });
    const state = fold(message(2), message(3), message(2), message(1, 'k2'));
    expect(runs(state).map(({ kernel, run }) => [kernel, run])).toEqual([
      ['k1', 3],
      ['k2', 1]
    ]);
  });

  it('replaces an updated finding and removes a withdrawn one, in its own cluster only', () => {
    const other = located({}, { cluster: 'c2' });
    const state = fold(
      { type: 'finding', cursor: '1', finding: located({}) },
      { type: 'finding', cursor: '2', finding: other },
      { type: 'finding', cursor: '3', finding: located({}, { dismissed: true }) }
    );
    expect([...state.findings.values()].map(({ dismissed }) => dismissed)).toEqual([true, false]);
    const after = reduce(state, {
      type: 'finding-withdrawn',
      cursor: '4',
      cluster: 'c1',
      id: 'f1'
    });
    expect([...after.findings.values()]).toEqual([other]);
  });

  it('no longer has a forgotten cluster, its cell runs and its findings', () => {
    const other = { cluster: 'c2', kernel: 'k2' };
    const state = fold(
      {
        type: 'snapshot',
        cursor: '1',
        clusters: [cluster(), cluster({ id: 'c2', kernel: 'k2' })],
        cellRuns: [cellRun(), cellRun(other)],
        findings: [located({}), located({}, other)]
      },
      { type: 'cluster-forgotten', cursor: '2', cluster: 'c1' }
    );
    expect([...state.clusters.keys()]).toEqual(['c2']);
    expect(runs(state)).toEqual([cellRun(other)]);
    expect([...state.findings.values()]).toEqual([located({}, other)]);
    expect(state.cursor).toBe('2');
  });

  it('is immutable', () => {
    const before = fold({ type: 'cluster', cursor: '1', cluster: cluster() });
    reduce(before, { type: 'cluster', cursor: '2', cluster: cluster({ id: 'c2' }) });
    reduce(before, { type: 'finding', cursor: '3', finding: located({}) });
    expect(before.clusters.size).toBe(1);
    expect(before.findings.size).toBe(0);
  });

  it('ignores unknown messages of a newer backend', () => {
    const before = fold({ type: 'cluster', cursor: '1', cluster: cluster() });
    const unknown = { type: 'weather', cursor: '2' } as unknown as StreamMessage;
    expect(reduce(before, unknown)).toBe(before);
  });
});
