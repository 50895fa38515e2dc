import { describe, expect, it } from '@jest/globals';
import type { CellRun, Cluster, LocatedFinding } from '@aglais/protocol';
import {
  clusterOf,
  notesByCell,
  currentFindings,
  sameNotes,
  currentNotes,
  type CellNotes
} from '../src/backend/selectors';
import { reduce, EMPTY_STATE, type State } from '../src/backend/state';
import { cellRun, cluster, located } from './samples';

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

  it('is the latest one if none is live, so that the reason for its end is shown', () => {
    const state = known({
      clusters: [
        cluster({ id: 'last', createdAt: 9, state: 'failed' }),
        cluster({ id: 'first', createdAt: 1, state: 'stopped' })
      ]
    });
    expect(clusterOf(state, 'k1')?.id).toBe('last');
  });

  it('is null for a kernel that never used Spark, and without a kernel', () => {
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
          located({ cell: 'a', run: 2 }, { finding: { id: 'now' } }),
          located({ cell: 'a', run: 1 }, { finding: { id: 'before', firstSeen: 5000 } }),
          located({ cell: 'b', run: 2 }, { finding: { id: 'elsewhere' } })
        ]
      }),
      HERE
    );
    expect(notes.get('a')?.run?.run).toBe(2);
    expect(notes.get('a')?.running).toBe(true);
    expect(titles(notes.get('a'))).toEqual(['now']);
    expect(titles(notes.get('b'))).toEqual(['elsewhere']);
  });

  it('stays when the notebook gets a new kernel', () => {
    const state = known({ findings: [located({ cell: 'a', run: 7 })] });
    expect(titles(notesByCell(state, { ...HERE, kernel: 'k2' }).get('a'))).toEqual(['f1']);
  });

  it('stays when the notebook is renamed', () => {
    const state = known({ findings: [located({ cell: 'a', run: 7 })] });
    expect(titles(notesByCell(state, { ...HERE, path: 'moved.ipynb' }).get('a'))).toEqual(['f1']);
  });

  it('is not shown in a copy of the notebook, whose cells have the same ids', () => {
    const state = known({ cellRuns: [cellRun()], findings: [located({ cell: 'a', run: 1 })] });
    expect(notesByCell(state, { ...HERE, path: 'copy.ipynb', kernel: 'k9' }).size).toBe(0);
  });

  it('is not shown in a copy that has the former path of a renamed notebook', () => {
    const state = known({
      clusters: [
        cluster({ id: 'c1', createdAt: 1, state: 'stopped' }),
        cluster({ id: 'c2', createdAt: 2, notebook: 'renamed.ipynb' })
      ],
      cellRuns: [cellRun({ cluster: 'c1' })],
      findings: [located({ cell: 'a', run: 1 }, { cluster: 'c1' })]
    });
    expect(notesByCell(state, { ...HERE, kernel: 'k2' }).size).toBe(0);
    const renamed = { ...HERE, path: 'renamed.ipynb', kernel: 'k3' };
    expect(titles(notesByCell(state, renamed).get('a'))).toEqual(['f1']);
  });

  it('is not shown in another Jupyter root, whose notebook has the same path and the same cells', () => {
    const state = known({
      clusters: [cluster({ jupyterServer: 'desktop-2:8888' })],
      cellRuns: [cellRun()],
      findings: [located({ cell: 'a', run: 1 }), located({}, { finding: { id: 'f2' } })]
    });
    const here = { ...HERE, kernel: 'k2' };
    expect(notesByCell(state, here).size).toBe(0);
    expect(currentFindings(state, { ...here, kernel: null })).toEqual([]);
  });

  it('stays when Jupyter is restarted on another port', () => {
    const state = known({ findings: [located({ cell: 'a', run: 7 })] });
    const other = known({
      clusters: [cluster({ jupyterServer: 'laptop-1:9999' })],
      findings: [located({ cell: 'a', run: 7 })]
    });
    for (const one of [state, other])
      expect(titles(notesByCell(one, { ...HERE, kernel: 'k2' }).get('a'))).toEqual(['f1']);
  });

  it('belongs to the present kernel even if another kernel ran the cell later', () => {
    const state = known({
      clusters: [cluster(), cluster({ id: 'c2', kernel: 'k2' })],
      cellRuns: [
        cellRun({ run: 3, startedAt: 1000, outcome: 'ok' }),
        cellRun({ run: 1, startedAt: 90_000, kernel: 'k2', cluster: 'c2' }),
        cellRun({ cell: 'b', run: 2, startedAt: 91_000, kernel: 'k2', cluster: 'c2' })
      ],
      findings: [
        located(
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
    const findings = [located({ cell: 'a', run: 8 }, { finding: { firstSeen: 2000 } })];
    expect(titles(notesByCell(known({ cellRuns: before, findings }), HERE).get('a'))).toEqual([
      'f1'
    ]);
    const cellRuns = [...before, cellRun({ run: 100_001, startedAt: 3000 })];
    const notes = notesByCell(known({ cellRuns, findings }), HERE).get('a');
    expect(notes?.run?.run).toBe(100_001);
    expect(notes?.findings).toEqual([]);
  });

  it('belongs to the new kernel once the cell has run there, although counts restart at 1', () => {
    const notes = notesByCell(
      known({
        clusters: [cluster(), cluster({ id: 'c2', kernel: 'k2' })],
        cellRuns: [
          cellRun({ run: 8, startedAt: 1000, outcome: 'ok' }),
          cellRun({ run: 1, startedAt: 90_000, kernel: 'k2', cluster: 'c2' })
        ],
        findings: [located({ cell: 'a', run: 8 }, { finding: { firstSeen: 2000 } })]
      }),
      { ...HERE, kernel: 'k2' }
    ).get('a');
    expect(notes?.run?.run).toBe(1);
    expect(notes?.findings).toEqual([]);
  });

  it('includes a finding immediately, even if its run is reported later', () => {
    const notes = notesByCell(
      known({
        cellRuns: [cellRun({ run: 1, outcome: 'ok' })],
        findings: [located({ cell: 'a', run: 2 })]
      }),
      HERE
    ).get('a');
    expect(titles(notes)).toEqual(['f1']);
    expect(notes?.run).toBeNull();
  });

  it('does not include a late finding of an earlier run', () => {
    const notes = notesByCell(
      known({
        cellRuns: [cellRun({ run: 2, startedAt: 10_000 })],
        findings: [located({ cell: 'a', run: 1 }, { finding: { firstSeen: 12_000 } })]
      }),
      HERE
    ).get('a');
    expect(notes?.run?.run).toBe(2);
    expect(notes?.findings).toEqual([]);
  });

  it('includes a finding without a run if it was seen after the latest run started', () => {
    const notesAt = (firstSeen: number) =>
      notesByCell(
        known({
          cellRuns: [cellRun({ startedAt: 10_000 })],
          findings: [located({ cell: 'a' }, { finding: { firstSeen } })]
        }),
        HERE
      ).get('a');
    expect(titles(notesAt(10_001))).toEqual(['f1']);
    expect(titles(notesAt(9_999))).toEqual([]);
  });

  it('does not include dismissed findings', () => {
    const state = known({ findings: [located({ cell: 'a', run: 1 }, { dismissed: true })] });
    expect(notesByCell(state, HERE).get('a')?.findings).toEqual([]);
  });

  it('is not running if the cluster of the run has ended', () => {
    const of = (clusters: Cluster[]) =>
      notesByCell(known({ clusters, cellRuns: [cellRun()] }), HERE).get('a')?.running;
    expect(of([cluster({ state: 'failed' })])).toBe(false);
    expect(of([cluster({ state: 'ready' })])).toBe(true);
  });
});

describe('notes of a cell that is run again without Spark', () => {
  const notes = notesByCell(known({ findings: [located({ cell: 'a', run: 3 })] }), HERE).get('a')!;
  const seen = { kernel: 'k1', executionCount: 3, superseded: null };

  it('stay while the cell is not run again', () => {
    expect(currentNotes(notes, seen)).toBe(notes);
  });

  it('stay if the execution count is unknown or from another kernel, as after a reload', () => {
    expect(currentNotes(notes, { ...seen, executionCount: null })).toBe(notes);
    expect(currentNotes(notes, { ...seen, executionCount: 12, kernel: 'k2' })).toBe(notes);
  });

  it('disappear when the cell has a later execution count in the same kernel', () => {
    expect(currentNotes(notes, { ...seen, executionCount: 4 })).toBeNull();
  });

  it('disappear as soon as the cell is run again', () => {
    expect(currentNotes(notes, { ...seen, superseded: notes.key })).toBeNull();
  });

  it('appear again with the next run that has findings', () => {
    const next = notesByCell(known({ findings: [located({ cell: 'a', run: 4 })] }), HERE).get('a');
    expect(currentNotes(next, { ...seen, executionCount: null, superseded: notes.key })).toBe(next);
  });
});

describe('notes that are computed twice', () => {
  it('are equal while run and findings are', () => {
    const state = known({ cellRuns: [cellRun()], findings: [located({ cell: 'a', run: 1 })] });
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
  it('are those under the cells, and those without a cell from the present kernel, newest first', () => {
    const state = known({
      cellRuns: [cellRun({ run: 2 })],
      findings: [
        located({ cell: 'a', run: 2 }, { finding: { id: 'cell', firstSeen: 20_000 } }),
        located({ cell: 'a', run: 1 }, { finding: { id: 'old run', firstSeen: 9000 } }),
        located({}, { finding: { id: 'no cell', firstSeen: 30_000 } }),
        located({}, { kernel: 'k0', finding: { id: 'old kernel' } }),
        located({}, { dismissed: true, finding: { id: 'dismissed' } })
      ]
    });
    expect(currentFindings(state, HERE).map(({ finding }) => finding.id)).toEqual([
      'no cell',
      'cell'
    ]);
  });
});
