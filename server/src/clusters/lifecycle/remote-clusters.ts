import type { Cluster } from '@aglais/protocol';
import type { ClusterRow } from '../../store/schema.js';
import type { DriverAddress } from '../driver-address.js';

/** Clusters that other servers run, where several share one database. Missing where there is one server. */
export interface RemoteClusters {
  /** From here on no change is missed. Once, before anything else. */
  attach(local: LocalReconciler): void;
  /** Reads how the servers that run these clusters show them. */
  load(ids: readonly string[]): Promise<void>;
  /** Shows what other servers do, and takes over from those that are gone, until `close`. */
  open(): Promise<void>;
  close(): Promise<void>;
  /** Everything is known that was committed before the call. */
  refresh(): Promise<void>;
  /** The cluster as the server that runs it shows it; null: not yet. */
  view(id: string): Cluster | null;
  /** Shows a cluster of this server to the others, soon. */
  show(cluster: Cluster, address: DriverAddress | null, eventLines: number): void;
  /** Shows now what was to be shown soon. */
  flush(): Promise<void>;
  /** Where the driver listens, as the server that runs it wrote down. */
  address(id: string): Promise<DriverAddress | null>;
  /** Lines of its event log on which rests what any server has published of the cluster. */
  eventLines(id: string): Promise<number>;
  /** All evidence of the cluster was read, this many lines of its event log. */
  concluded(id: string, eventLines: number): Promise<void>;
}

/** This server's own reconciler, as the servers around it see it. */
export interface LocalReconciler {
  /** Whether this server reads the cluster's evidence: what it publishes is newer than any row. */
  follows(id: string): boolean;
  followed(): string[];
  /** Clusters of this server that are ready, and in which nothing runs at the moment. */
  quiet(): string[];
  publish(row: ClusterRow): Cluster;
  /** The cluster's kernel, notebook or shape is another one now. */
  place(row: ClusterRow): Cluster;
  /** Another server has seen a cluster to its end. */
  ended(): void;
  enqueue(id: string): void;
  /** This server has these clusters now. */
  taken(ids: readonly string[]): Promise<void>;
  /** Another server has it now. */
  lost(id: string): Promise<void>;
}
