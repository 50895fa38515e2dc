/** The tables, as Kysely sees them. Times are ms since the epoch; `body` columns hold JSON by the protocol's schemas. */
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
  /** The Jupyter Server that has the kernel, once it has said so. */
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
  /** With the rows of other tables, the order in which they changed; 0 where there is one server. */
  revision: number;
}

/** A cluster as the server that runs it shows it, for the others. */
export interface ClusterViewRow {
  cluster: string;
  body: string;
  /** Where its driver listens. */
  url: string | null;
  ca: string | null;
  /** Lines of its event log from which findings were concluded. */
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

/** What was seen of a cluster that no file of Spark's holds. */
export interface ObservationRow {
  cluster: string;
  revision: number;
  /** Two servers that see the same give it the same key; null: it is seen by one only. */
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
  /** One process of a server. */
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
  /** It no longer holds; the row stays so that other servers see it. */
  withdrawn: 0 | 1;
  revision: number;
}
