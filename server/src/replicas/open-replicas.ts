import type { Logger } from 'pino';
import type { Tokens } from '../identity/tokens.js';
import type { WholeStore } from '../store/store.js';
import { EvidenceTable } from './evidence-table.js';
import { Feed } from './feed.js';
import { Leases } from './leases.js';
import { NoteRows } from './note-rows.js';
import { haveSameSecret } from './same-secret.js';
import { SharedJupyterServers } from './shared-jupyter-servers.js';
import { ViewRows } from './view-rows.js';

/** What the servers of an installation share. */
export interface Replicas {
  leases: Leases;
  feed: Feed;
  views: ViewRows;
  jupyterServers: SharedJupyterServers;
}

/** Everything that several servers of one installation share through their database. */
export interface OpenedReplicas extends Replicas {
  notes: NoteRows;
  evidence: EvidenceTable;
  jupyterServers: SharedJupyterServers;
  /** Whether this server holds the lease of a cluster right now. */
  hasValidLease(cluster: string): boolean;
  /** Releases all leases of this server; others take over immediately. */
  close(): Promise<void>;
}

/** @param directory of this server's copies of evidence, with one directory per cluster */
export async function openReplicas(
  store: WholeStore,
  tokens: Tokens,
  directory: string,
  log: Logger
): Promise<OpenedReplicas> {
  await haveSameSecret(store, tokens);
  const renewals = store.dedicated();
  const leases = new Leases(store, log, renewals.store);
  // Before anything is read: later changes are published.
  const feed = await Feed.begin(store, log);
  const evidence = new EvidenceTable(store, feed, directory, log);
  await evidence.refresh();
  leases.open();
  return {
    leases,
    feed,
    views: new ViewRows(store, leases),
    notes: new NoteRows(store),
    evidence,
    jupyterServers: new SharedJupyterServers(store, leases),
    hasValidLease: cluster => leases.hasValidLease(cluster),
    async close() {
      await feed.close();
      await leases.close();
      await renewals.close();
    }
  };
}
