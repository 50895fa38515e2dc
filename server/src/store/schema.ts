/**
 * The tables, for Kysely. Times are ms since the epoch; `body` columns contain JSON according to the protocol's
 * schemas.
 */
export interface Database {
  clusters: ClusterRow;
  cell_runs: CellRunRow;
  findings: FindingRow;
  cluster_views: ClusterViewRow;
  cluster_notes: ClusterNoteRow;
  observations: ObservationRow;
  jupyter_servers: JupyterServerRow;
  leases: LeaseRow;
  revisions: { value: number };
  installation: { name: string; value: string };
}

export interface ClusterRow {
  id: string;
  kernel: string;
  notebook: string;
  /** The Jupyter Server of the kernel, once reported. */
  jupyter_server: string | null;
  launcher: string;
  shape: string;
  /** JSON: names of options of its launcher. */
  options: string;
  desired: 'running' | 'stopped';
  state: string;
  reason: string | null;
  application: string | null;
  spark_version: string | null;
  created_at: number;
  ready_at: number | null;
  stopped_at: number | null;
  last_used_at: number;
  /** The cluster that has to be gone before this one starts. */
  replaces: string | null;
  /** Started in advance; it belongs to no kernel, and `kernel` is a name of its own. */
  spare: 0 | 1;
  /** Of a spare: a hash of the shares with which it was started. */
  catalogue: string | null;
  /** The order of changes across all tables; 0 with a single server. */
  revision: number;
}

/** A cluster as published by the server that runs it. */
export interface ClusterViewRow {
  cluster: string;
  body: string;
  /** The driver's address. */
  url: string | null;
  ca: string | null;
  /** Number of event log lines on which its findings are based. */
  event_lines: number;
  revision: number;
}

/** What must not be done a second time. */
export interface ClusterNoteRow {
  cluster: string;
  namespace: string | null;
  driver_created_at: number | null;
  stopped_at: number | null;
}

/** Observations of a cluster that are not in Spark's files. */
export interface ObservationRow {
  cluster: string;
  revision: number;
  /** The same for two servers that observe the same event; null: only one observes it. */
  key: string | null;
  body: string;
}

export interface JupyterServerRow {
  id: string;
  reported_at: number;
  /** JSON: ids of its kernels. */
  kernels: string;
}

export interface LeaseRow {
  name: string;
  /** One server process. */
  holder: string;
  expires_at: number;
}

export interface CellRunRow {
  cluster: string;
  cell: string;
  run: number;
  started_at: number;
  body: string;
  revision: number;
}

export interface FindingRow {
  cluster: string;
  id: string;
  dismissed: 0 | 1;
  last_seen: number;
  body: string;
  /** It was withdrawn; the row is kept so that other servers see it. */
  withdrawn: 0 | 1;
  revision: number;
}
