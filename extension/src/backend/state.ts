import type { CellRun, Cluster, LocatedFinding, StreamMessage } from '@aglais/protocol';

/** All that the backend told this page. Never changed in place: a new state is a new object. */
export interface State {
  /** Where to go on after a lost connection; null before the first message. */
  readonly cursor: string | null;
  readonly clusters: ReadonlyMap<string, Cluster>;
  /** The latest run of each cell in each kernel. */
  readonly cellRuns: ReadonlyMap<string, CellRun>;
  readonly findings: ReadonlyMap<string, LocatedFinding>;
}

export const EMPTY_STATE: State = {
  cursor: null,
  clusters: new Map(),
  cellRuns: new Map(),
  findings: new Map()
};

/** The state after one message. Messages of kinds that a newer backend knows change nothing. */
export function reduce(state: State, message: StreamMessage): State {
  switch (message.type) {
    case 'snapshot':
      return {
        cursor: message.cursor,
        clusters: new Map(message.clusters.map(cluster => [cluster.id, cluster])),
        cellRuns: message.cellRuns.reduce<ReadonlyMap<string, CellRun>>(withCellRun, new Map()),
        findings: new Map(message.findings.map(placed => [findingKey(placed), placed]))
      };
    case 'resumed':
      return { ...state, cursor: message.cursor };
    case 'cluster':
      return { ...withCluster(state, message.cluster), cursor: message.cursor };
    case 'cell-run':
      return {
        ...state,
        cursor: message.cursor,
        cellRuns: withCellRun(state.cellRuns, message.cellRun)
      };
    case 'finding':
      return { ...withFinding(state, message.finding), cursor: message.cursor };
    case 'finding-withdrawn': {
      const findings = new Map(state.findings);
      findings.delete(`${message.cluster} ${message.id}`);
      return { ...state, cursor: message.cursor, findings };
    }
    default:
      return state;
  }
}

/** The state with a cluster, unless a later revision of it is known (answers and stream race). */
export function withCluster(state: State, cluster: Cluster): State {
  const known = state.clusters.get(cluster.id);
  if (known && known.revision > cluster.revision) return state;
  return { ...state, clusters: new Map(state.clusters).set(cluster.id, cluster) };
}

/** The state with a finding in place of what was known of it. */
export function withFinding(state: State, placed: LocatedFinding): State {
  return { ...state, findings: new Map(state.findings).set(findingKey(placed), placed) };
}

/** Finding ids are stable within one cluster only. */
export function findingKey(placed: LocatedFinding): string {
  return `${placed.cluster} ${placed.finding.id}`;
}

function withCellRun(runs: ReadonlyMap<string, CellRun>, run: CellRun): Map<string, CellRun> {
  const key = `${run.kernel} ${run.cell}`;
  const known = runs.get(key);
  // Numbers of runs only grow within a kernel: a late message of an earlier run is of no use.
  return known && known.run > run.run ? new Map(runs) : new Map(runs).set(key, run);
}
