import type { CellRun, Cluster, LocatedFinding, StreamMessage } from '@aglais/protocol';

/** Everything that this page has received from the backend. Immutable: each change makes a new object. */
export interface State {
  /** Where to resume after a lost connection; null before the first message. */
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

/** The state after one message. Unknown message types, as from a newer backend, are ignored. */
export function reduce(state: State, message: StreamMessage): State {
  switch (message.type) {
    case 'snapshot':
      return {
        cursor: message.cursor,
        clusters: new Map(message.clusters.map(cluster => [cluster.id, cluster])),
        cellRuns: message.cellRuns.reduce<ReadonlyMap<string, CellRun>>(withCellRun, new Map()),
        findings: new Map(message.findings.map(located => [findingKey(located), located]))
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
    case 'cluster-forgotten': {
      const remains = (thing: { cluster: string }): boolean => thing.cluster !== message.cluster;
      const clusters = new Map(state.clusters);
      clusters.delete(message.cluster);
      return {
        cursor: message.cursor,
        clusters,
        cellRuns: new Map([...state.cellRuns].filter(([, run]) => remains(run))),
        findings: new Map([...state.findings].filter(([, located]) => remains(located)))
      };
    }
    default:
      return state;
  }
}

/** The state with a cluster, unless it has a later revision already (responses and stream race). */
export function withCluster(state: State, cluster: Cluster): State {
  const known = state.clusters.get(cluster.id);
  if (known && known.revision > cluster.revision) return state;
  return { ...state, clusters: new Map(state.clusters).set(cluster.id, cluster) };
}

/** The state with a new or updated finding. */
export function withFinding(state: State, located: LocatedFinding): State {
  return { ...state, findings: new Map(state.findings).set(findingKey(located), located) };
}

/** Finding ids are stable within one cluster only. */
export function findingKey(located: LocatedFinding): string {
  return `${located.cluster} ${located.finding.id}`;
}

function withCellRun(runs: ReadonlyMap<string, CellRun>, run: CellRun): Map<string, CellRun> {
  const key = `${run.kernel} ${run.cell}`;
  const known = runs.get(key);
  // Run numbers only grow within a kernel: a late message about an earlier run is ignored.
  return known && known.run > run.run ? new Map(runs) : new Map(runs).set(key, run);
}
