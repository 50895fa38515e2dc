import { Shape } from '@aglais/protocol';
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

  /** Those, and ended ones of which something is left to do: until then they have no time of their end. */
  async unfinished(): Promise<ClusterRow[]> {
    return this.store
      .selectFrom('clusters')
      .selectAll()
      .where(or => or.or([or('desired', '=', 'running'), or('stopped_at', 'is', null)]))
      .orderBy('created_at')
      .execute();
  }

  /** Live ones and the latest ended ones, the newest first. */
  async recent(): Promise<ClusterRow[]> {
    const latest = await this.store
      .selectFrom('clusters')
      .selectAll()
      .orderBy('created_at', 'desc')
      .limit(REMEMBERED)
      .execute();
    const oldest = latest.at(-1)?.created_at ?? 0;
    const older = (await this.live()).filter(row => row.created_at < oldest);
    return [...latest, ...older.reverse()];
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

  /** Notes where a kernel is; returns its wanted cluster if that changed anything. */
  async placeKernel(
    kernel: string,
    jupyterServer: string,
    notebook: string
  ): Promise<ClusterRow | undefined> {
    const row = await this.wantedByKernel(kernel);
    if (!row || (row.jupyter_server === jupyterServer && row.notebook === notebook))
      return undefined;
    const change = { jupyter_server: jupyterServer, notebook };
    await this.update(row.id, change);
    return { ...row, ...change };
  }

  /** The shape of the newest cluster that this kernel had. */
  async lastShape(kernel: string): Promise<Shape | undefined> {
    const row = await this.store
      .selectFrom('clusters')
      .select('shape')
      .where('kernel', '=', kernel)
      .orderBy('created_at', 'desc')
      .executeTakeFirst();
    return row && Shape.parse(JSON.parse(row.shape));
  }

  /** The options of the newest cluster that this kernel had. */
  async lastOptions(kernel: string): Promise<string[]> {
    const row = await this.store
      .selectFrom('clusters')
      .select('options')
      .where('kernel', '=', kernel)
      .orderBy('created_at', 'desc')
      .executeTakeFirst();
    return row ? (JSON.parse(row.options) as string[]) : [];
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

  /** Forgets all but the latest ended clusters, with their findings and cell runs; returns the forgotten ids. */
  async forgetOld(): Promise<string[]> {
    const old = await this.store
      .selectFrom('clusters')
      .select('id')
      .where('state', 'in', ['stopped', 'failed'])
      .where('desired', '=', 'stopped')
      .orderBy('created_at', 'desc')
      .limit(1_000)
      .offset(REMEMBERED)
      .execute();
    const ids = old.map(({ id }) => id);
    if (ids.length === 0) return [];
    await this.store.transaction().execute(async transaction => {
      await transaction.deleteFrom('findings').where('cluster', 'in', ids).execute();
      await transaction.deleteFrom('cell_runs').where('cluster', 'in', ids).execute();
      await transaction.deleteFrom('clusters').where('id', 'in', ids).execute();
    });
    return ids;
  }
}
