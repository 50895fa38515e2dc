import { describe, expect, it } from '@jest/globals';
import type { CellRun, Cluster, LocatedFinding } from '@aglais/protocol';
import {
  clusterOf,
  notesByCell,
  presentFindings,
  sameNotes,
  stillTrue,
  type CellNotes
} from '../src/backend/select';
import { reduce, EMPTY_STATE, type State } from '../src/backend/state';
import { cellRun, cluster, placed } from './samples';

function known(parts: {
  clusters?: Cluster[];
  cellRuns?: CellRun[];
  findings?: LocatedFinding[];
}): State {
  return reduce(EMPTY_STATE, {
    type: 'snapshot',
    cursor: '1',
    clusters: parts.clusters ?? [cluster()],
    cellRuns: parts.cellRuns ?? [],
    findings: parts.findings ?? []
  });
}

const HERE = { path: 'stars.ipynb', kernel: 'k1', jupyterRoot: 'laptop-1' };
const titles = (notes: CellNotes | undefined) => notes?.findings.map(({ finding }) => finding.id);

describe('the cluster of a notebook', () => {
  it('is the live one of its kernel, however old', () => {
    const state = known({
      clusters: [
        cluster({ id: 'live', createdAt: 1, state: 'starting' }),
        cluster({ id: 'gone', createdAt: 9, state: 'stopped' }),
        cluster({ id: 'other', createdAt: 9, kernel: 'k2' })
      ]
    });
    expect(clusterOf(state, 'k1')?.id).toBe('live');
  });

  it('is the last one if none lives, so that the reason of its end can be read', () => {
    const state = known({
      clusters: [
        cluster({ id: 'last', createdAt: 9, state: 'failed' }),
        cluster({ id: 'first', createdAt: 1, state: 'stopped' })
      ]
    });
    expect(clusterOf(state, 'k1')?.id).toBe('last');
  });

  it('is none for a kernel that never used Spark, or where there is no kernel', () => {
    const state = known({ clusters: [cluster()] });
    expect(clusterOf(state, 'k2')).toBeNull();
    expect(clusterOf(state, null)).toBeNull();
  });
});

describe('what is shown under a cell', () => {
  it('is its latest run with the findings of that run', () => {
    const notes = notesByCell(
      known({
        clusters: [cluster()],
        cellRuns: [cellRun({ run: 2 })],
        findings: [
          placed({ cell: 'a', run: 2 }, { finding: { id: 'now' } }),
          placed({ cell: 'a', run: 1 }, { finding: { id: 'before', firstSeen: 5000 } }),
          placed({ cell: 'b', run: 2 }, { finding: { id: 'elsewhere' } })
        ]
      }),
      HERE
    );
    expect(notes.get('a')?.run?.run).toBe(2);
    expect(notes.get('a')?.running).toBe(true);
    expect(titles(notes.get('a'))).toEqual(['now']);
    expect(titles(notes.get('b'))).toEqual(['elsewhere']);
  });

  it('survives a new kernel: the notebook and the cell are the same', () => {
    const state = known({ findings: [placed({ cell: 'a', run: 7 })] });
    expect(titles(notesByCell(state, { ...HERE, kernel: 'k2' }).get('a'))).toEqual(['f1']);
  });

  it('survives that the notebook is renamed: the kernel is the same', () => {
    const state = known({ findings: [placed({ cell: 'a', run: 7 })] });
    expect(titles(notesByCell(state, { ...HERE, path: 'moved.ipynb' }).get('a'))).toEqual(['f1']);
  });

  it('is nothing of a copy of the notebook, though its cells have the same ids', () => {
    const state = known({ cellRuns: [cellRun()], findings: [placed({ cell: 'a', run: 1 })] });
    expect(notesByCell(state, { ...HERE, path: 'copy.ipynb', kernel: 'k9' }).size).toBe(0);
  });

  it('is nothing of a copy that takes the path of the original after that was renamed', () => {
    const state = known({
      clusters: [
        cluster({ id: 'c1', createdAt: 1, state: 'stopped' }),
        cluster({ id: 'c2', createdAt: 2, notebook: 'renamed.ipynb' })
      ],
      cellRuns: [cellRun({ cluster: 'c1' })],
      findings: [placed({ cell: 'a', run: 1 }, { cluster: 'c1' })]
    });
    expect(notesByCell(state, { ...HERE, kernel: 'k2' }).size).toBe(0);
    const renamed = { ...HERE, path: 'renamed.ipynb', kernel: 'k3' };
    expect(titles(notesByCell(state, renamed).get('a'))).toEqual(['f1']);
  });

  it('is nothing of another Jupyter whose notebook has the same path and the same cells', () => {
    const state = known({
      clusters: [cluster({ jupyterServer: 'desktop-2:8888' })],
      cellRuns: [cellRun()],
      findings: [placed({ cell: 'a', run: 1 }), placed({}, { finding: { id: 'f2' } })]
    });
    const here = { ...HERE, kernel: 'k2' };
    expect(notesByCell(state, here).size).toBe(0);
    expect(presentFindings(state, { ...here, kernel: null })).toEqual([]);
  });

  it('survives that Jupyter is started again on another port', () => {
    const state = known({ findings: [placed({ cell: 'a', run: 7 })] });
    const other = known({
      clusters: [cluster({ jupyterServer: 'laptop-1:9999' })],
      findings: [placed({ cell: 'a', run: 7 })]
    });
    for (const one of [state, other])
      expect(titles(notesByCell(one, { ...HERE, kernel: 'k2' }).get('a'))).toEqual(['f1']);
  });

  it('is of the present kernel even if another kernel ran the cell later', () => {
    const state = known({
      clusters: [cluster(), cluster({ id: 'c2', kernel: 'k2' })],
      cellRuns: [
        cellRun({ run: 3, startedAt: 1000, outcome: 'ok' }),
        cellRun({ run: 1, startedAt: 90_000, kernel: 'k2', cluster: 'c2' }),
        cellRun({ cell: 'b', run: 2, startedAt: 91_000, kernel: 'k2', cluster: 'c2' })
      ],
      findings: [
        placed(
          { cell: 'a', run: 1 },
          { kernel: 'k2', cluster: 'c2', finding: { firstSeen: 92_000 } }
        )
      ]
    });
    const notes = notesByCell(state, HERE);
    expect(notes.get('a')?.run).toMatchObject({ kernel: 'k1', run: 3 });
    expect(notes.get('a')?.findings).toEqual([]);
    expect(notes.get('b')?.run).toMatchObject({ kernel: 'k2', run: 2 });
  });

  it('stays after a restart of the kernel until the cell runs again', () => {
    const before = [cellRun({ run: 8, startedAt: 1000, outcome: 'ok' })];
    const findings = [placed({ cell: 'a', run: 8 }, { finding: { firstSeen: 2000 } })];
    expect(titles(notesByCell(known({ cellRuns: before, findings }), HERE).get('a'))).toEqual([
      'f1'
    ]);
    const cellRuns = [...before, cellRun({ run: 100_001, startedAt: 3000 })];
    const notes = notesByCell(known({ cellRuns, findings }), HERE).get('a');
    expect(notes?.run?.run).toBe(100_001);
    expect(notes?.findings).toEqual([]);
  });

  it('is of the new kernel once the cell ran there, though counts begin again at 1', () => {
    const notes = notesByCell(
      known({
        clusters: [cluster(), cluster({ id: 'c2', kernel: 'k2' })],
        cellRuns: [
          cellRun({ run: 8, startedAt: 1000, outcome: 'ok' }),
          cellRun({ run: 1, startedAt: 90_000, kernel: 'k2', cluster: 'c2' })
        ],
        findings: [placed({ cell: 'a', run: 8 }, { finding: { firstSeen: 2000 } })]
      }),
      { ...HERE, kernel: 'k2' }
    ).get('a');
    expect(notes?.run?.run).toBe(1);
    expect(notes?.findings).toEqual([]);
  });

  it('shows a finding at once whose run is reported a little later', () => {
    const notes = notesByCell(
      known({
        cellRuns: [cellRun({ run: 1, outcome: 'ok' })],
        findings: [placed({ cell: 'a', run: 2 })]
      }),
      HERE
    ).get('a');
    expect(titles(notes)).toEqual(['f1']);
    expect(notes?.run).toBeNull();
  });

  it('is not a late finding of an earlier run', () => {
    const notes = notesByCell(
      known({
        cellRuns: [cellRun({ run: 2, startedAt: 10_000 })],
        findings: [placed({ cell: 'a', run: 1 }, { finding: { firstSeen: 12_000 } })]
      }),
      HERE
    ).get('a');
    expect(notes?.run?.run).toBe(2);
    expect(notes?.findings).toEqual([]);
  });

  it('takes a finding without a run for the latest run if it was seen since its begin', () => {
    const notesAt = (firstSeen: number) =>
      notesByCell(
        known({
          cellRuns: [cellRun({ startedAt: 10_000 })],
          findings: [placed({ cell: 'a' }, { finding: { firstSeen } })]
        }),
        HERE
      ).get('a');
    expect(titles(notesAt(10_001))).toEqual(['f1']);
    expect(titles(notesAt(9_999))).toEqual([]);
  });

  it('leaves dismissed findings out', () => {
    const state = known({ findings: [placed({ cell: 'a', run: 1 }, { dismissed: true })] });
    expect(notesByCell(state, HERE).get('a')?.findings).toEqual([]);
  });

  it('does not let a run go on whose cluster is gone', () => {
    const of = (clusters: Cluster[]) =>
      notesByCell(known({ clusters, cellRuns: [cellRun()] }), HERE).get('a')?.running;
    expect(of([cluster({ state: 'failed' })])).toBe(false);
    expect(of([cluster({ state: 'ready' })])).toBe(true);
  });
});

describe('notes of a cell that is run again without Spark', () => {
  const notes = notesByCell(known({ findings: [placed({ cell: 'a', run: 3 })] }), HERE).get('a')!;
  const seen = { kernel: 'k1', executionCount: 3, superseded: null };

  it('stay while the cell is as it was', () => {
    expect(stillTrue(notes, seen)).toBe(notes);
  });

  it('stay when the count is unknown or of another kernel, as after a reload', () => {
    expect(stillTrue(notes, { ...seen, executionCount: null })).toBe(notes);
    expect(stillTrue(notes, { ...seen, executionCount: 12, kernel: 'k2' })).toBe(notes);
  });

  it('go when the cell has a later count in the same kernel', () => {
    expect(stillTrue(notes, { ...seen, executionCount: 4 })).toBeNull();
  });

  it('go at the moment in which the cell is run again, and stay away', () => {
    expect(stillTrue(notes, { ...seen, superseded: notes.key })).toBeNull();
  });

  it('come back with the next run that has something to say', () => {
    const next = notesByCell(known({ findings: [placed({ cell: 'a', run: 4 })] }), HERE).get('a');
    expect(stillTrue(next, { ...seen, executionCount: null, superseded: notes.key })).toBe(next);
  });
});

describe('notes that are computed again', () => {
  it('are the same as long as run and findings are', () => {
    const state = known({ cellRuns: [cellRun()], findings: [placed({ cell: 'a', run: 1 })] });
    const notes = () => notesByCell(state, HERE).get('a')!;
    expect(sameNotes(notes(), notes())).toBe(true);
    const later = reduce(state, {
      type: 'cell-run',
      cursor: '2',
      cellRun: cellRun({ outcome: 'ok' })
    });
    expect(sameNotes(notes(), notesByCell(later, HERE).get('a')!)).toBe(false);
  });
});

describe('the findings in the panel', () => {
  it('are those under the cells and those of the present kernel without a cell, newest first', () => {
    const state = known({
      cellRuns: [cellRun({ run: 2 })],
      findings: [
        placed({ cell: 'a', run: 2 }, { finding: { id: 'cell', firstSeen: 20_000 } }),
        placed({ cell: 'a', run: 1 }, { finding: { id: 'old run', firstSeen: 9000 } }),
        placed({}, { finding: { id: 'no cell', firstSeen: 30_000 } }),
        placed({}, { kernel: 'k0', finding: { id: 'old kernel' } }),
        placed({}, { dismissed: true, finding: { id: 'dismissed' } })
      ]
    });
    expect(presentFindings(state, HERE).map(({ finding }) => finding.id)).toEqual([
      'no cell',
      'cell'
    ]);
  });
});
