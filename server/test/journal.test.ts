import { beforeEach, describe, expect, it } from '@jest/globals';
import type { CellRun, Cluster, StreamMessage } from '@aglais/protocol';
import { clusterView } from '../src/clusters/cluster-view.js';
import { Journal } from '../src/stream/journal.js';
import { finding, LOCAL, row } from './support/rows.js';

const cluster = (id: string, revision = 1): Cluster =>
  clusterView(row({ id }), null, null, 60_000, revision, LOCAL);
const found = (id: string, cluster = 'c1') => ({
  cluster,
  kernel: 'k1',
  notebook: 'stars.ipynb',
  dismissed: false,
  finding: finding({ id })
});
const cellRun = (cell: string, startedAt: number, run = 1): CellRun => ({
  cluster: 'c1',
  kernel: 'k1',
  notebook: 'stars.ipynb',
  cell,
  run,
  outcome: 'ok',
  startedAt,
  endedAt: null,
  error: null,
  progress: {
    jobs: { total: 0, done: 0, failed: 0 },
    tasks: { total: 0, running: 0, done: 0, failed: 0 },
    stages: []
  }
});

let journal: Journal;
const hear = (cursor: string | null) => {
  const heard: StreamMessage[] = [];
  const leave = journal.subscribe(cursor, message => heard.push(message));
  return { heard, leave };
};

beforeEach(() => {
  journal = new Journal();
});

describe('A client of the journal', () => {
  it('that is new gets a snapshot, then each change', () => {
    journal.publish({ type: 'cluster', cluster: cluster('c1') });
    const { heard } = hear(null);
    journal.publish({ type: 'finding', finding: found('f1') });
    expect(heard).toMatchObject([
      { type: 'snapshot', clusters: [{ id: 'c1' }], findings: [] },
      { type: 'finding', finding: { finding: { id: 'f1' } } }
    ]);
  });

  it('that was disconnected gets what it missed, in order, and nothing twice', () => {
    const first = hear(null);
    journal.publish({ type: 'cluster', cluster: cluster('c1', 1) });
    const cursor = first.heard.at(-1)!.cursor;
    first.leave();
    journal.publish({ type: 'cluster', cluster: cluster('c1', 2) });
    journal.publish({ type: 'cluster', cluster: cluster('c1', 3) });
    const { heard } = hear(cursor);
    journal.publish({ type: 'cluster', cluster: cluster('c1', 4) });
    expect(heard[0]!.type).toBe('resumed');
    expect(heard.slice(1).map(m => m.type === 'cluster' && m.cluster.revision)).toEqual([2, 3, 4]);
  });

  it('that missed nothing only gets the message that it resumes', () => {
    const { cursor } = journal.snapshot();
    expect(hear(cursor).heard).toEqual([{ type: 'resumed', cursor }]);
  });

  it('gets the missed changes in order, also after many changes', () => {
    const publish = (from: number, to: number) => {
      for (let n = from; n < to; n += 1)
        journal.publish({ type: 'cluster', cluster: cluster('c1', n) });
    };
    publish(0, 7_000);
    const { cursor } = journal.snapshot();
    publish(7_000, 11_999);
    const [resumed, ...missed] = hear(cursor).heard;
    expect(resumed!.type).toBe('resumed');
    const revisions = missed.map(m => m.type === 'cluster' && m.cluster.revision);
    expect(revisions).toEqual(Array.from({ length: 4_999 }, (_, index) => 7_000 + index));
  });

  it('that was disconnected for too long gets a snapshot', () => {
    const { cursor } = journal.snapshot();
    for (let n = 0; n < 10_001; n += 1)
      journal.publish({ type: 'cluster', cluster: cluster('c1', n) });
    const { heard } = hear(cursor);
    expect(heard).toMatchObject([{ type: 'snapshot', clusters: [{ revision: 10_000 }] }]);
  });

  it.each(['other-epoch.0', 'nonsense', '', 'a.b.c', '.'])(
    'with a cursor of another server ("%s") gets a snapshot',
    cursor => {
      expect(hear(cursor).heard[0]!.type).toBe('snapshot');
    }
  );

  it('with a cursor from the future gets a snapshot', () => {
    const [epoch] = journal.snapshot().cursor.split('.');
    for (const sequence of ['7', '-1', '1e3']) {
      expect(hear(`${epoch}.${sequence}`).heard[0]!.type).toBe('snapshot');
    }
  });

  it('gets nothing after it has unsubscribed', () => {
    const { heard, leave } = hear(null);
    leave();
    journal.publish({ type: 'cluster', cluster: cluster('c1') });
    expect(heard).toHaveLength(1);
  });

  it('may unsubscribe during a message, and the others still get it', () => {
    const leaveAtOnce = journal.onChange(() => leaveAtOnce());
    const { heard } = hear(null);
    journal.publish({ type: 'cluster', cluster: cluster('c1') });
    expect(heard).toHaveLength(2);
  });
});

describe('The journal', () => {
  it('keeps the latest run of each cell, in any order of arrival', () => {
    journal.publish({ type: 'cell-run', cellRun: cellRun('a', 200, 2) });
    journal.publish({ type: 'cell-run', cellRun: cellRun('a', 100, 1) });
    expect([...journal.cellRuns.values()]).toMatchObject([{ cell: 'a', run: 2 }]);
  });

  it('keeps the runs of two kernels apart, although path and cell are the same, as in two Labs', () => {
    const mine = cellRun('a', 100, 7);
    const theirs = { ...cellRun('a', 200, 1), cluster: 'c2', kernel: 'k2' };
    journal.publish({ type: 'cluster', cluster: cluster('c2') });
    journal.publish({ type: 'cell-run', cellRun: mine });
    expect(journal.isNews(theirs)).toBe(true);
    journal.publish({ type: 'cell-run', cellRun: theirs });
    expect(journal.snapshot()).toMatchObject({ cellRuns: [mine, theirs] });
    journal.forget('c2');
    expect(journal.snapshot()).toMatchObject({ cellRuns: [mine] });
  });

  it('keeps one run of a cell when its notebook is renamed', () => {
    journal.publish({ type: 'cell-run', cellRun: cellRun('a', 100, 1) });
    const renamed = { ...cellRun('a', 200, 2), notebook: 'sky.ipynb' };
    journal.publish({ type: 'cell-run', cellRun: renamed });
    expect([...journal.cellRuns.values()]).toEqual([renamed]);
  });

  it('drops a withdrawn finding', () => {
    journal.publish({ type: 'finding', finding: found('f1') });
    journal.publish({ type: 'finding-withdrawn', cluster: 'c1', id: 'f1' });
    expect(journal.snapshot()).toMatchObject({ findings: [] });
  });

  it('keeps findings with the same id in two clusters apart', () => {
    journal.publish({ type: 'finding', finding: found('f1', 'c1') });
    journal.publish({ type: 'finding', finding: found('f1', 'c2') });
    expect(journal.findings.size).toBe(2);
  });
});
