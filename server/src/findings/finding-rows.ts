import { CellRun, LocatedFinding } from '@aglais/protocol';
import { isRemembered } from '../store/is-remembered.js';
import { revised } from '../store/revisions.js';
import type { RowLeases } from '../store/row-leases.js';
import { readStored } from '../store/stored-json.js';
import type { CellRunRow, FindingRow } from '../store/schema.js';
import type { Store } from '../store/store.js';

/** A finding for clients, including unknown fields of a newer server; null if it is corrupt. */
export function locatedFinding(row: FindingRow): LocatedFinding | null {
  const finding = readStored(LocatedFinding, row.body);
  return finding && { ...finding, dismissed: row.dismissed === 1 };
}

/** Including unknown fields of a newer server; null if it is corrupt. */
export const cellRunOf = ({ body }: CellRunRow): CellRun | null => readStored(CellRun, body);

/** Findings and cell runs in the database, which are kept as long as their cluster. */
export class FindingRows {
  /** @param leases of this server; null: it is the only one */
  constructor(
    private readonly store: Store,
    private readonly leases: RowLeases | null = null
  ) {}

  async findingsOf(clusters: readonly string[]): Promise<LocatedFinding[]> {
    if (clusters.length === 0) return [];
    const rows = await this.store
      .selectFrom('findings')
      .selectAll()
      .where('cluster', 'in', [...clusters])
      .where('withdrawn', '=', 0)
      .orderBy('last_seen')
      .execute();
    return rows.flatMap(row => locatedFinding(row) ?? []);
  }

  async cellRunsOf(clusters: readonly string[]): Promise<CellRun[]> {
    if (clusters.length === 0) return [];
    const rows = await this.store
      .selectFrom('cell_runs')
      .selectAll()
      .where('cluster', 'in', [...clusters])
      .orderBy('started_at')
      .execute();
    return rows.flatMap(row => cellRunOf(row) ?? []);
  }

  /**
   * Saves the results from the evidence of a cluster: only the server that runs it may do this. Dismissed findings stay
   * dismissed.
   */
  async saveFinding(placed: LocatedFinding): Promise<void> {
    const { cluster, finding } = placed;
    const change = { last_seen: finding.lastSeen, body: JSON.stringify(placed) };
    await this.write(cluster, async (store, revision) => {
      await store
        .insertInto('findings')
        .values({
          ...{ cluster, id: finding.id, dismissed: placed.dismissed ? 1 : 0 },
          ...{ ...change, withdrawn: 0, revision }
        })
        .onConflict(conflict =>
          conflict.columns(['cluster', 'id']).doUpdateSet({
            ...{ ...change, withdrawn: 0, revision },
            ...(placed.dismissed && { dismissed: 1 })
          })
        )
        .execute();
    });
  }

  /** Hides it, whichever server the user was connected to. */
  async dismiss(cluster: string, id: string): Promise<void> {
    const dismiss = async (store: Store, revision: number): Promise<void> => {
      await store
        .updateTable('findings')
        .set({ dismissed: 1, revision })
        .where('cluster', '=', cluster)
        .where('id', '=', id)
        .execute();
    };
    await (this.leases ? revised(this.store, dismiss) : dismiss(this.store, 0));
  }

  /** It was withdrawn. Its row is kept, so that other servers see it. */
  async removeFinding(cluster: string, id: string): Promise<void> {
    await this.write(cluster, async (store, revision) => {
      await store
        .updateTable('findings')
        .set({ withdrawn: 1, revision })
        .where('cluster', '=', cluster)
        .where('id', '=', id)
        .execute();
    });
  }

  async saveCellRun(cellRun: CellRun): Promise<void> {
    await this.write(cellRun.cluster, (store, revision) => saveCellRun(store, cellRun, revision));
  }

  /** Of an ended cluster that no server runs any more; does nothing if the cluster was deleted. */
  async saveLateCellRun(cellRun: CellRun): Promise<void> {
    const save = async (store: Store, revision: number): Promise<void> => {
      if (await isRemembered(store, cellRun.cluster)) await saveCellRun(store, cellRun, revision);
    };
    if (this.leases) return revised(this.store, save);
    await this.store.transaction().execute(transaction => save(transaction, 0));
  }

  private async write(
    cluster: string,
    work: (store: Store, revision: number) => Promise<void>
  ): Promise<void> {
    const { leases } = this;
    if (!leases) return work(this.store, 0);
    await revised(this.store, async (transaction, revision) => {
      if (await leases.isHolder(transaction, cluster)) await work(transaction, revision);
    });
  }
}

async function saveCellRun(store: Store, cellRun: CellRun, revision: number): Promise<void> {
  const { cluster, cell, run } = cellRun;
  const change = { started_at: cellRun.startedAt, body: JSON.stringify(cellRun), revision };
  await store
    .insertInto('cell_runs')
    .values({ cluster, cell, run, ...change })
    .onConflict(conflict => conflict.columns(['cluster', 'cell', 'run']).doUpdateSet(change))
    .execute();
}
