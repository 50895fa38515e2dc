import { sql } from 'kysely';
import { Cluster } from '@aglais/protocol';
import type { DriverAddress } from '../clusters/driver-address.js';
import type { ClusterViewRow } from '../store/schema.js';
import type { Store } from '../store/store.js';
import type { Leases } from './leases.js';
import { revised } from '../store/revisions.js';
import { readStored } from '../store/stored-json.js';

export interface SavedView {
  cluster: Cluster;
  address: DriverAddress | null;
  /** Number of lines read from its event log. */
  eventLines: number;
}

const larger = sql<number>`case when excluded.event_lines > cluster_views.event_lines then excluded.event_lines else cluster_views.event_lines end`;

/** Including unknown fields of a newer server; null if known fields are missing: then only the rows are shown. */
export function viewOf({ body }: ClusterViewRow): Cluster | null {
  return readStored(Cluster, body);
}

/** Clusters as published by the servers that run them: executors, stages, memory, tables. */
export class ViewRows {
  constructor(
    private readonly store: Store,
    private readonly leases: Leases
  ) {}

  /** Saves all at once; those whose lease another server holds are skipped. */
  async save(views: readonly SavedView[]): Promise<void> {
    if (views.length === 0) return;
    await revised(this.store, async (transaction, revision) => {
      const ids = views.map(({ cluster }) => cluster.id);
      const held = await this.leases.heldOf(transaction, ids);
      const own = views
        .filter(({ cluster }) => held.has(cluster.id))
        .map(({ cluster, address, eventLines }) => ({
          cluster: cluster.id,
          body: JSON.stringify(cluster),
          url: address?.url ?? null,
          ca: address?.ca ?? null,
          event_lines: eventLines,
          revision
        }));
      if (own.length === 0) return;
      await transaction
        .insertInto('cluster_views')
        .values(own)
        .onConflict(conflict =>
          conflict.column('cluster').doUpdateSet(row => ({
            body: row.ref('excluded.body'),
            // A server that has just taken over knows less at first.
            url: row.fn.coalesce('excluded.url', 'cluster_views.url'),
            ca: row.fn.coalesce('excluded.ca', 'cluster_views.ca'),
            event_lines: larger,
            revision
          }))
        )
        .execute();
    });
  }

  async of(clusters: readonly string[]): Promise<Cluster[]> {
    if (clusters.length === 0) return [];
    const rows = await this.store
      .selectFrom('cluster_views')
      .selectAll()
      .where('cluster', 'in', [...clusters])
      .execute();
    return rows.flatMap(row => viewOf(row) ?? []);
  }

  /** Number of event log lines on which the published state of the cluster is based. */
  async eventLines(cluster: string): Promise<number> {
    const row = await this.store
      .selectFrom('cluster_views')
      .select('event_lines')
      .where('cluster', '=', cluster)
      .executeTakeFirst();
    return row?.event_lines ?? 0;
  }

  /** Whether all of its evidence was read. */
  async concluded(cluster: string, eventLines: number): Promise<void> {
    await this.store
      .updateTable('cluster_views')
      .set({ event_lines: eventLines })
      .where('cluster', '=', cluster)
      .where('event_lines', '<', eventLines)
      .execute();
  }

  async address(cluster: string): Promise<DriverAddress | null> {
    const row = await this.store
      .selectFrom('cluster_views')
      .select(['url', 'ca'])
      .where('cluster', '=', cluster)
      .executeTakeFirst();
    return row?.url ? { url: row.url, ca: row.ca } : null;
  }
}
