import type { Logger } from 'pino';
import type { Tokens } from '../identity/tokens.js';
import type { WholeStore } from '../store/store.js';
import { EvidenceTable } from './evidence-table.js';
import { Feed } from './feed.js';
import { Leases } from './leases.js';
import { NoteRows } from './note-rows.js';
import type { Replicas } from './other-servers.js';
import { haveSameSecret } from './same-secret.js';
import { SharedJupyterServers } from './shared-jupyter-servers.js';
import { ViewRows } from './view-rows.js';

/** Everything that several servers of one installation share by their database. */
export interface OpenedReplicas extends Replicas {
  notes: NoteRows;
  evidence: EvidenceTable;
  jupyterServers: SharedJupyterServers;
  /** Whether this server may act on a cluster in this moment. */
  hasValidLease(cluster: string): boolean;
  /** Releases what this server held; others go on with it at once. */
  close(): Promise<void>;
}

/** @param directory of this server's copies of evidence, a folder in it for each cluster */
export async function openReplicas(
  store: WholeStore,
  tokens: Tokens,
  directory: string,
  log: Logger
): Promise<OpenedReplicas> {
  await haveSameSecret(store, tokens);
  const renewals = store.dedicated();
  const leases = new Leases(store, log, renewals.store);
  // Before anything is read: what comes after it is published.
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
