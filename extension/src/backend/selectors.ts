import type { CellRun, Cluster, LocatedFinding } from '@aglais/protocol';
import type { State } from './state';

/** An open notebook. */
export interface NotebookLocation {
  /** Relative to Jupyter's root. */
  readonly path: string;
  /** Names that root; null if Jupyter's extension did not set it. */
  readonly jupyterRoot: string | null;
  /** Id of its kernel; null while it has none. */
  readonly kernel: string | null;
}

const LIVE: ReadonlySet<string> = new Set(['requested', 'starting', 'ready', 'stopping']);

/** Whether a cluster has memory allocated, or will soon. */
export function isLive(cluster: Cluster): boolean {
  return LIVE.has(cluster.state);
}

/** The cluster of a kernel: the live one, otherwise the latest. */
export function clusterOf(state: State, kernel: string | null): Cluster | null {
  let found: Cluster | null = null;
  for (const cluster of state.clusters.values()) {
    if (cluster.kernel !== kernel) continue;
    if (!found || rank(cluster) > rank(found)) found = cluster;
  }
  return found;
}

function rank(cluster: Cluster): number {
  return cluster.createdAt + (isLive(cluster) ? 1e15 : 0);
}

/** What is shown under one cell: its latest run and the findings of that run. */
export interface CellNotes {
  /** Identifies the run, unique over kernels. */
  readonly key: string;
  readonly kernel: string;
  readonly count: number | null;
  /** null if only findings of the run are known. */
  readonly run: CellRun | null;
  /** Whether the run is still running. */
  readonly running: boolean;
  readonly findings: readonly LocatedFinding[];
}

/**
 * The notes to show under each cell of a notebook, by cell id: of the latest run in its present kernel; until the cell
 * has run there, of the latest run in an earlier kernel of the notebook.
 */
export function notesByCell(state: State, notebook: NotebookLocation): Map<string, CellNotes> {
  const kernels = kernelsOf(state, notebook);
  const present = new Set(notebook.kernel === null ? [] : [notebook.kernel]);
  const earlier = new Set([...kernels].filter(kernel => !present.has(kernel)));
  return new Map([...latestByCell(state, earlier), ...latestByCell(state, present)]);
}

/** The notes of the latest run of each cell in some kernels, by cell id. */
function latestByCell(state: State, kernels: ReadonlySet<string>): Map<string, CellNotes> {
  const runs = new Map<string, CellRun>();
  for (const run of state.cellRuns.values()) {
    const known = runs.get(run.cell);
    if (kernels.has(run.kernel) && (!known || known.startedAt < run.startedAt)) {
      runs.set(run.cell, run);
    }
  }
  const findings = new Map<string, LocatedFinding[]>();
  for (const located of findingsIn(state, kernels)) {
    const { cell } = located.finding.subject;
    if (cell !== undefined) findings.set(cell, [...(findings.get(cell) ?? []), located]);
  }
  const notes = new Map<string, CellNotes>();
  for (const cell of new Set([...runs.keys(), ...findings.keys()])) {
    const run = runs.get(cell) ?? null;
    const running = run !== null && isRunning(run, state);
    notes.set(cell, latestNotes(run, running, findings.get(cell) ?? []));
  }
  return notes;
}

function latestNotes(
  run: CellRun | null,
  running: boolean,
  findings: readonly LocatedFinding[]
): CellNotes {
  const newest = findings[0];
  if (newest && (!run || isNewer(newest, run))) {
    const { kernel, cluster } = newest;
    const count = newest.finding.subject.run ?? null;
    return {
      key: `${kernel} ${count ?? cluster}`,
      kernel,
      count,
      run: null,
      running: false,
      findings: findings.filter(
        located =>
          !located.dismissed &&
          located.kernel === kernel &&
          (located.finding.subject.run ?? null) === count
      )
    };
  }
  if (!run) throw new Error('Notes need a run or a finding.');
  return {
    key: `${run.kernel} ${run.run}`,
    kernel: run.kernel,
    count: run.run,
    run,
    running,
    findings: findings.filter(
      located =>
        !located.dismissed &&
        located.kernel === run.kernel &&
        (located.finding.subject.run === undefined
          ? located.finding.firstSeen >= run.startedAt
          : located.finding.subject.run === run.run)
    )
  };
}

/** Whether a run is still running: a cluster that failed could not report the end of its runs. */
function isRunning(run: CellRun, state: State): boolean {
  const cluster = state.clusters.get(run.cluster);
  return run.outcome === 'running' && (cluster === undefined || isLive(cluster));
}

/** Whether a finding belongs to a later run than the latest known one, whose report may be late or lost. */
function isNewer(located: LocatedFinding, run: CellRun): boolean {
  return located.kernel === run.kernel
    ? (located.finding.subject.run ?? run.run) > run.run
    : located.finding.firstSeen > run.startedAt;
}

/** Whether two notes look the same. */
export function sameNotes(a: CellNotes, b: CellNotes): boolean {
  return (
    a.key === b.key &&
    a.run === b.run &&
    a.running === b.running &&
    a.findings.length === b.findings.length &&
    a.findings.every((located, index) => located === b.findings[index])
  );
}

/** What only this page knows about a cell. */
export interface CellState {
  /** The notebook's present kernel. */
  readonly kernel: string | null;
  /** The execution count that the notebook shows. */
  readonly executionCount: number | null;
  /** Key of the notes that were shown when this page last ran the cell again. */
  readonly superseded: string | null;
}

/**
 * The notes if they still describe the last run of the cell, otherwise null.
 *
 * A run without Spark is never reported to the backend: only the page knows that the notes are outdated.
 */
export function currentNotes(notes: CellNotes | undefined, cell: CellState): CellNotes | null {
  if (!notes || notes.key === cell.superseded) return null;
  const runAgain =
    notes.kernel === cell.kernel &&
    notes.count !== null &&
    cell.executionCount !== null &&
    cell.executionCount > notes.count;
  return runAgain ? null : notes;
}

/** All findings of a notebook, dismissed ones too, newest first. */
export function findingsOf(state: State, notebook: NotebookLocation): LocatedFinding[] {
  return findingsIn(state, kernelsOf(state, notebook));
}

function findingsIn(state: State, kernels: ReadonlySet<string>): LocatedFinding[] {
  return [...state.findings.values()]
    .filter(({ kernel }) => kernels.has(kernel))
    .sort((a, b) => b.finding.firstSeen - a.finding.firstSeen);
}

/**
 * The current findings of a notebook, newest first: those under its cells, and those without a cell from its present
 * kernel (from any kernel while it has none).
 */
export function currentFindings(state: State, notebook: NotebookLocation): LocatedFinding[] {
  const notes = notesByCell(state, notebook);
  return findingsOf(state, notebook).filter(located => {
    const { cell } = located.finding.subject;
    if (cell !== undefined) return notes.get(cell)?.findings.includes(located);
    return !located.dismissed && (notebook.kernel ?? located.kernel) === located.kernel;
  });
}

/**
 * The kernels of a notebook: the present one, and earlier ones that last used Spark in the notebook at this path in the
 * same Jupyter root. The path alone is not enough: other Labs have notebooks at the same path, and after a renaming a
 * copy may have the old path.
 */
function kernelsOf(state: State, notebook: NotebookLocation): ReadonlySet<string> {
  const newest = new Map<string, Cluster>();
  for (const cluster of state.clusters.values()) {
    const known = newest.get(cluster.kernel);
    if (!known || rank(cluster) > rank(known)) newest.set(cluster.kernel, cluster);
  }
  const kernels = new Set(notebook.kernel === null ? [] : [notebook.kernel]);
  for (const [kernel, cluster] of newest) {
    const isHere =
      cluster.notebook === notebook.path &&
      jupyterRootOf(cluster.jupyterServer) === notebook.jupyterRoot;
    if (isHere) kernels.add(kernel);
  }
  return kernels;
}

/** Ids of Jupyter Servers are `<root>:<port or socket>` (extension/aglais/kernels.py). */
function jupyterRootOf(jupyterServer: string | null): string | null {
  return jupyterServer?.split(':')[0] ?? null;
}
