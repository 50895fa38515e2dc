/** The tables, as Kysely sees them. Times are ms since the epoch; `body` columns hold JSON by the protocol's schemas. */
export interface Database {
  clusters: ClusterRow;
  cell_runs: CellRunRow;
  findings: FindingRow;
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
}

export interface CellRunRow {
  cluster: string;
  cell: string;
  run: number;
  started_at: number;
  body: string;
}

export interface FindingRow {
  cluster: string;
  id: string;
  dismissed: 0 | 1;
  last_seen: number;
  body: string;
}
