import type { Cluster } from '@aglais/protocol';
import type { ClusterRow } from '../../store/schema.js';
import type { DriverAddress } from '../driver-address.js';

/** Clusters that other servers run, if several share one database. Missing for a single server. */
export interface RemoteClusters {
  /** No change is missed from here on. Called once, first. */
  attach(local: LocalReconciler): void;
  /** Reads the views that other servers publish of these clusters. */
  load(ids: readonly string[]): Promise<void>;
  /** Shows what other servers publish, and takes over from servers that are gone, until `close`. */
  open(): Promise<void>;
  close(): Promise<void>;
  /** Resolves when everything that was committed before the call is known. */
  refresh(): Promise<void>;
  /** The cluster as published by the server that runs it; null: not yet. */
  view(id: string): Cluster | null;
  /** Publishes a cluster of this server to the others, soon. */
  show(cluster: Cluster, address: DriverAddress | null, eventLines: number): void;
  /** Publishes pending views now. */
  flush(): Promise<void>;
  /** The driver's address, as saved by the server that runs the cluster. */
  address(id: string): Promise<DriverAddress | null>;
  /** The highest number of event log lines on which any server's published findings are based. */
  eventLines(id: string): Promise<number>;
  /** All evidence of the cluster was read, with this many lines of its event log. */
  concluded(id: string, eventLines: number): Promise<void>;
}

/** This server's reconciler, for the code that connects the servers. */
export interface LocalReconciler {
  /** Whether this server follows the cluster's evidence: what it publishes is newer than any row. */
  follows(id: string): boolean;
  followed(): string[];
  /** Clusters of this server that are ready, and in which nothing runs at the moment. */
  quiet(): string[];
  publish(row: ClusterRow): Cluster;
  /** The cluster has another kernel, notebook or shape now. */
  place(row: ClusterRow): Cluster;
  /** Another server has completed the end of the cluster. */
  ended(): void;
  enqueue(id: string): void;
  /** This server has acquired these clusters. */
  taken(ids: readonly string[]): Promise<void>;
  /** Another server has acquired it. */
  lost(id: string): Promise<void>;
}
