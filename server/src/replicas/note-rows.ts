import type { ClusterNotes, Notes } from '../launchers/kubernetes/cluster-notes.js';
import type { ClusterNoteRow } from '../store/schema.js';
import type { Store } from '../store/store.js';

/** Notes that all servers read. They are permanent: a driver that was started stays started. */
export class NoteRows implements ClusterNotes {
  constructor(private readonly store: Store) {}

  async read(cluster: string): Promise<Notes> {
    const row = await this.store
      .selectFrom('cluster_notes')
      .selectAll()
      .where('cluster', '=', cluster)
      .executeTakeFirst();
    return {
      namespace: row?.namespace ?? null,
      begun: (row?.driver_created_at ?? null) !== null,
      stopped: (row?.stopped_at ?? null) !== null
    };
  }

  async noteNamespace(cluster: string, namespace: string): Promise<void> {
    await this.note(cluster, { namespace });
  }

  async noteBegun(cluster: string): Promise<void> {
    await this.note(cluster, { driver_created_at: Date.now() });
  }

  async noteStopped(cluster: string): Promise<void> {
    await this.note(cluster, { stopped_at: Date.now() });
  }

  private async note(cluster: string, change: Partial<ClusterNoteRow>): Promise<void> {
    await this.store
      .insertInto('cluster_notes')
      .values({ cluster, namespace: null, driver_created_at: null, stopped_at: null, ...change })
      .onConflict(conflict => conflict.column('cluster').doUpdateSet(change))
      .execute();
  }
}
