import type { Store } from '../store/store.js';
import type { ClusterRow } from '../store/schema.js';

/** Of ended clusters, how many are remembered. */
const REMEMBERED = 50;

/** The clusters in the database: what is wanted, and what was last known. */
export class ClusterRows {
  constructor(private readonly store: Store) {}

  async get(id: string): Promise<ClusterRow | undefined> {
    return this.store.selectFrom('clusters').selectAll().where('id', '=', id).executeTakeFirst();
  }

  /** Those that are wanted, or not yet seen to be gone. */
  async live(): Promise<ClusterRow[]> {
    return this.store
      .selectFrom('clusters')
      .selectAll()
      .where(or =>
        or.or([or('desired', '=', 'running'), or('state', 'not in', ['stopped', 'failed'])])
      )
      .orderBy('created_at')
      .execute();
  }

  /** Live ones and the latest ended ones. */
  async recent(): Promise<ClusterRow[]> {
    return this.store
      .selectFrom('clusters')
      .selectAll()
      .orderBy('created_at', 'desc')
      .limit(REMEMBERED)
      .execute();
  }

  async wantedByKernel(kernel: string): Promise<ClusterRow | undefined> {
    return this.store
      .selectFrom('clusters')
      .selectAll()
      .where('kernel', '=', kernel)
      .where('desired', '=', 'running')
      .executeTakeFirst();
  }

  /** False if the kernel got a cluster in the same moment. */
  async insert(row: ClusterRow): Promise<boolean> {
    const result = await this.store
      .insertInto('clusters')
      .values(row)
      .onConflict(conflict => conflict.doNothing())
      .executeTakeFirst();
    return (result.numInsertedOrUpdatedRows ?? 0n) > 0n;
  }

  async update(id: string, change: Partial<ClusterRow>): Promise<void> {
    await this.store.updateTable('clusters').set(change).where('id', '=', id).execute();
  }

  /** A stop that was asked for once keeps its first reason. */
  async wantStopped(
    id: string,
    reason: string,
    state: 'stopping' | 'failed' = 'stopping'
  ): Promise<void> {
    await this.store
      .updateTable('clusters')
      .set({ desired: 'stopped', state, reason })
      .where('id', '=', id)
      .where('desired', '=', 'running')
      .execute();
  }

  async placeKernel(kernel: string, jupyterServer: string, notebook: string): Promise<void> {
    await this.store
      .updateTable('clusters')
      .set({ jupyter_server: jupyterServer, notebook })
      .where('kernel', '=', kernel)
      .where('desired', '=', 'running')
      .execute();
  }

  /** Wanted clusters of a Jupyter Server whose kernels it no longer has. */
  async abandoned(jupyterServer: string, kernels: readonly string[]): Promise<ClusterRow[]> {
    const rows = await this.store
      .selectFrom('clusters')
      .selectAll()
      .where('jupyter_server', '=', jupyterServer)
      .where('desired', '=', 'running')
      .execute();
    return rows.filter(row => !kernels.includes(row.kernel));
  }
}
