import { Mutex } from 'async-mutex';
import type { Shape } from '@aglais/protocol';
import { revised } from '../store/revisions.js';
import type { RowLeases } from '../store/row-leases.js';
import type { Store } from '../store/store.js';
import type { ClusterRow } from '../store/schema.js';
import type { EndedCluster } from './retention.js';
import { shapeOfRow } from './row-shape.js';

/** The clusters in the database: their desired and their last known state. */
export class ClusterRows {
  /** Created in this transaction, by this server. */
  private readonly claimed: string[] = [];
  private readonly mutex = new Mutex();

  /**
   * @param leases of this server; null: it is the only one
   * @param revision of the transaction of `store`
   */
  constructor(
    private readonly store: Store,
    private readonly leases: RowLeases | null = null,
    private readonly revision: number | null = null
  ) {}

  /** Runs `work` in a transaction, one server at a time. */
  async transaction<T>(work: (rows: ClusterRows) => Promise<T>): Promise<T> {
    const { leases } = this;
    if (!leases) {
      return this.mutex.runExclusive(() =>
        this.store.transaction().execute(transaction => work(new ClusterRows(transaction, null, 0)))
      );
    }
    const began = leases.now();
    const claimed: string[] = [];
    const result = await revised(this.store, async (transaction, revision) => {
      const rows = new ClusterRows(transaction, leases, revision);
      const done = await work(rows);
      claimed.push(...rows.claimed);
      return done;
    });
    leases.recordClaims(claimed, began);
    return result;
  }

  private async write<T>(work: (store: Store, revision: number) => Promise<T>): Promise<T> {
    if (!this.leases || this.revision !== null) return work(this.store, this.revision ?? 0);
    return revised(this.store, work);
  }

  async get(id: string): Promise<ClusterRow | undefined> {
    return this.store.selectFrom('clusters').selectAll().where('id', '=', id).executeTakeFirst();
  }

  /** The ones of these that exist in the database. */
  async some(ids: readonly string[]): Promise<ClusterRow[]> {
    if (ids.length === 0) return [];
    return this.store
      .selectFrom('clusters')
      .selectAll()
      .where('id', 'in', [...ids])
      .execute();
  }

  /** Clusters that are desired or may still exist. */
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

  /** The same, and ended ones with cleanup left: until then they have no end time. */
  async unfinished(): Promise<ClusterRow[]> {
    return this.store
      .selectFrom('clusters')
      .selectAll()
      .where(or => or.or([or('desired', '=', 'running'), or('stopped_at', 'is', null)]))
      .orderBy('created_at')
      .execute();
  }

  /** All clusters, the newest first. */
  async remembered(): Promise<ClusterRow[]> {
    return this.store.selectFrom('clusters').selectAll().orderBy('created_at', 'desc').execute();
  }

  /** All ended clusters. */
  async ended(): Promise<EndedCluster[]> {
    const rows = await this.store
      .selectFrom('clusters')
      .select(['id', 'kernel', 'notebook', 'jupyter_server', 'stopped_at', 'spare'])
      .where('desired', '=', 'stopped')
      .where('stopped_at', 'is not', null)
      .execute();
    return rows.map(({ jupyter_server: jupyterServer, stopped_at: stoppedAt, spare, ...row }) => ({
      ...row,
      jupyterServer,
      stoppedAt: stoppedAt!,
      isSpare: spare === 1
    }));
  }

  /** Whether there is a spare that could be handed out. */
  async hasSpares(): Promise<boolean> {
    const row = await this.store
      .selectFrom('clusters')
      .select('id')
      .where('spare', '=', 1)
      .where('desired', '=', 'running')
      .executeTakeFirst();
    return row !== undefined;
  }

  /** Spares that came to their end without having been asked to. */
  async failedSpares(): Promise<string[]> {
    const rows = await this.store
      .selectFrom('clusters')
      .select('id')
      .where('spare', '=', 1)
      .where('state', '=', 'failed')
      .execute();
    return rows.map(({ id }) => id);
  }

  /**
   * Gives a spare to a kernel: one that is ready, else the one that started first. The row is this kernel's own from then on; of
   * two who ask in the same moment, one gets it.
   * @param wanted shape and options of the spare, as they are in its row, and the hash of the shares as they are now
   */
  async adoptSpare(
    owner: { kernel: string; notebook: string; jupyterServer: string | null },
    wanted: { shape: string; options: string; catalogue: string }
  ): Promise<ClusterRow | undefined> {
    const spares = await this.store
      .selectFrom('clusters')
      .selectAll()
      .where('spare', '=', 1)
      .where('desired', '=', 'running')
      .where('shape', '=', wanted.shape)
      .where('options', '=', wanted.options)
      .where('catalogue', '=', wanted.catalogue)
      .orderBy('created_at')
      .execute();
    const spare = spares.find(({ state }) => state === 'ready') ?? spares[0];
    if (!spare) return undefined;
    const now = Date.now();
    const change = {
      ...{ kernel: owner.kernel, notebook: owner.notebook, jupyter_server: owner.jupyterServer },
      // Its time to start and its idle time begin now.
      ...{ spare: 0 as const, created_at: now, last_used_at: now }
    };
    const { numUpdatedRows } = await this.write((store, revision) =>
      store
        .updateTable('clusters')
        .set({ ...change, revision })
        .where('id', '=', spare.id)
        .where('spare', '=', 1)
        .where('desired', '=', 'running')
        .executeTakeFirst()
    );
    return numUpdatedRows === 1n ? { ...spare, ...change } : undefined;
  }

  async desiredOfKernel(kernel: string): Promise<ClusterRow | undefined> {
    return this.store
      .selectFrom('clusters')
      .selectAll()
      .where('kernel', '=', kernel)
      .where('desired', '=', 'running')
      .executeTakeFirst();
  }

  /** False if the kernel got a cluster at the same time. This server holds the lease of the new one from the start. */
  async insert(row: ClusterRow): Promise<boolean> {
    if (this.leases && this.revision === null) return this.transaction(rows => rows.insert(row));
    const result = await this.store
      .insertInto('clusters')
      .values({ ...row, revision: this.revision ?? 0 })
      .onConflict(conflict => conflict.doNothing())
      .executeTakeFirst();
    const made = (result.numInsertedOrUpdatedRows ?? 0n) > 0n;
    if (made && this.leases)
      this.claimed.push(...(await this.leases.claimIn(this.store, [row.id])));
    return made;
  }

  async update(id: string, change: Partial<ClusterRow>): Promise<void> {
    await this.write(async (store, revision) => {
      await store
        .updateTable('clusters')
        .set({ ...change, revision })
        .where('id', '=', id)
        .execute();
    });
  }

  /** Updates that only the lease holder may write; false: this server lost the lease, and nothing was written. */
  async updateIfHolder(id: string, change: Partial<ClusterRow>): Promise<boolean> {
    return this.write(async (store, revision) => {
      if (this.leases && !(await this.leases.isHolder(store, id))) return false;
      await store
        .updateTable('clusters')
        .set({ ...change, revision })
        .where('id', '=', id)
        .execute();
      return true;
    });
  }

  /** The cluster is in use. Only the server that runs it reads this. */
  async used(id: string): Promise<void> {
    const change = { last_used_at: Date.now() };
    await this.store.updateTable('clusters').set(change).where('id', '=', id).execute();
  }

  /** The first reason for a stop is kept. */
  async requestStop(
    id: string,
    reason: string,
    state: 'stopping' | 'failed' = 'stopping'
  ): Promise<void> {
    await this.write(async (store, revision) => {
      await store
        .updateTable('clusters')
        .set({ desired: 'stopped', state, reason, revision })
        .where('id', '=', id)
        .where('desired', '=', 'running')
        .execute();
    });
  }

  /** Records the notebook and Jupyter Server of a kernel; returns its desired cluster if that changed anything. */
  async placeKernel(
    kernel: string,
    jupyterServer: string,
    notebook: string
  ): Promise<ClusterRow | undefined> {
    const row = await this.desiredOfKernel(kernel);
    if (!row || (row.jupyter_server === jupyterServer && row.notebook === notebook))
      return undefined;
    const change = { jupyter_server: jupyterServer, notebook };
    await this.update(row.id, change);
    return { ...row, ...change };
  }

  /** The shape of the latest cluster of this kernel. */
  async lastShape(kernel: string): Promise<Shape | undefined> {
    const row = await this.store
      .selectFrom('clusters')
      .select(['id', 'shape'])
      .where('kernel', '=', kernel)
      .orderBy('created_at', 'desc')
      .executeTakeFirst();
    return row && shapeOfRow(row);
  }

  /** The options of the latest cluster of this kernel. */
  async lastOptions(kernel: string): Promise<string[]> {
    const row = await this.store
      .selectFrom('clusters')
      .select('options')
      .where('kernel', '=', kernel)
      .orderBy('created_at', 'desc')
      .executeTakeFirst();
    return row ? (JSON.parse(row.options) as string[]) : [];
  }

  /** Desired clusters of kernels that their Jupyter Server no longer has. */
  async abandoned(jupyterServer: string, kernels: readonly string[]): Promise<ClusterRow[]> {
    const rows = await this.store
      .selectFrom('clusters')
      .selectAll()
      .where('jupyter_server', '=', jupyterServer)
      .where('desired', '=', 'running')
      .execute();
    return rows.filter(row => !kernels.includes(row.kernel));
  }

  /** Deletes an ended cluster with everything that belongs to it; later writes for it find no cluster. */
  async forget(id: string): Promise<void> {
    await this.transaction(async ({ store: transaction }) => {
      for (const table of ['findings', 'cell_runs', 'cluster_views', 'cluster_notes'] as const)
        await transaction.deleteFrom(table).where('cluster', '=', id).execute();
      await transaction.deleteFrom('observations').where('cluster', '=', id).execute();
      await transaction.deleteFrom('leases').where('name', '=', id).execute();
      await transaction.deleteFrom('clusters').where('id', '=', id).execute();
    });
  }
}
