import type { Diagnosis } from '@aglais/diagnosis';
import type {
  CachedTable,
  Cluster,
  Executor,
  Memory,
  MemoryLine,
  ResizeInPlace,
  Shape
} from '@aglais/protocol';
import type { ClusterRow } from '../store/schema.js';
import type { ObservedCluster } from '../launchers/launcher.js';
import { idleStopAt } from './lifecycle/idle-policy.js';
import { shapeOfRow } from './row-shape.js';
import { memoryLine } from './memory-chart.js';

const UNKNOWN: Memory = {
  limitMiB: null,
  usedMiB: null,
  heapLimitMiB: null,
  heapUsedMiB: null,
  pythonMiB: null
};

/** Maximum number of lost executors that a panel shows. */
const LOST_SHOWN = 5;
/** Maximum number of cached tables and of memory charts in a panel: a cluster with hundreds would be too large. */
const TABLES_SHOWN = 10;
const LINES_SHOWN = 20;

/**
 * A cluster for clients.
 * @param diagnosis null when the cluster is not followed any more
 */
export function clusterView(
  row: ClusterRow,
  observed: ObservedCluster | null,
  diagnosis: Diagnosis | null,
  idleMs: number,
  revision: number,
  resizeInPlace: ResizeInPlace,
  warnings: string[] = []
): Cluster {
  const shape = shapeOfRow(row);
  const live = row.state !== 'stopped' && row.state !== 'failed';
  const all = live && diagnosis ? diagnosis.executors() : [];
  const active = all.filter(executor => executor.state === 'active');
  const lost = all.filter(executor => executor.state === 'lost').slice(-LOST_SHOWN);
  return {
    id: row.id,
    kernel: row.kernel,
    notebook: row.notebook,
    jupyterServer: row.jupyter_server,
    launcher: row.launcher as Cluster['launcher'],
    spare: row.spare === 1,
    resizeInPlace,
    shape,
    options: JSON.parse(row.options) as string[],
    state: row.state as Cluster['state'],
    reason: row.reason,
    waitingFor: waitingFor(row, observed, active.length, shape),
    createdAt: row.created_at,
    readyAt: row.ready_at,
    stoppedAt: row.stopped_at,
    lastUsedAt: row.last_used_at,
    idleStopAt: row.state === 'ready' ? idleStopAt(row.last_used_at, idleMs) : null,
    sparkVersion: diagnosis?.application.sparkVersion ?? row.spark_version,
    application: diagnosis?.application.id ?? row.application,
    driver: { memory: live && diagnosis ? diagnosis.driverMemory() : UNKNOWN },
    executors: [...lost, ...active],
    stages: live && diagnosis ? diagnosis.runningStages() : [],
    tables: live && diagnosis ? shownTables(diagnosis) : [],
    memory: live && diagnosis ? shownMemory(diagnosis, active) : [],
    shareProblems: observed?.shareProblems ?? [],
    warnings,
    revision
  };
}

/**
 * A cluster that another server reconciles.
 * @param known from its row, which is always current
 * @param shown the latest view by that server; null: none yet
 */
export function viewOfOthers(known: Cluster, shown: Cluster | null): Cluster {
  if (!shown || known.state === 'stopped' || known.state === 'failed') return known;
  const { kernel, notebook, jupyterServer, spare, shape, state, reason } = known;
  const { createdAt, readyAt, stoppedAt, revision } = known;
  return {
    ...shown,
    ...{ kernel, notebook, jupyterServer, spare, shape, state, reason },
    ...{ createdAt, readyAt, stoppedAt, revision },
    // A server of an earlier version does not send it.
    resizeInPlace: known.resizeInPlace,
    waitingFor: shown.state === state ? shown.waitingFor : known.waitingFor,
    idleStopAt: state === 'ready' ? shown.idleStopAt : null
  };
}

/** Currently cached tables, the largest first. */
function shownTables(diagnosis: Diagnosis): CachedTable[] {
  const tables = diagnosis.tables().filter(({ unpersisted }) => !unpersisted);
  const bytes = ({ now }: CachedTable): number => (now ? now.memoryMiB + now.diskMiB : 0);
  return tables.sort((a, b) => bytes(b) - bytes(a) || a.rdd - b.rdd).slice(0, TABLES_SHOWN);
}

function shownMemory(diagnosis: Diagnosis, active: readonly Executor[]): MemoryLine[] {
  const shown = new Set(['driver', ...active.map(({ id }) => id)]);
  return diagnosis
    .usage()
    .filter(({ who }) => shown.has(who))
    .slice(0, LINES_SHOWN)
    .flatMap(usage => memoryLine(usage) ?? []);
}

function waitingFor(
  row: ClusterRow,
  observed: ObservedCluster | null,
  executors: number,
  shape: Shape
): string | null {
  if (row.state === 'ready') return observed?.waitingFor ?? null;
  if (row.state !== 'requested' && row.state !== 'starting') return null;
  const driver = observed?.waitingFor ?? 'the driver';
  return `${driver}; executors ${executors} of ${shape.executors.max}`;
}
