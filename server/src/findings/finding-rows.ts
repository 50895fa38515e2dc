import { CellRun, PlacedFinding } from '@aglais/protocol';
import type { Store } from '../store/store.js';

/** Findings and cell runs in the database, for as long as their cluster is remembered. */
export class FindingRows {
  constructor(private readonly store: Store) {}

  async findingsOf(clusters: readonly string[]): Promise<PlacedFinding[]> {
    if (clusters.length === 0) return [];
    const rows = await this.store
      .selectFrom('findings')
      .selectAll()
      .where('cluster', 'in', [...clusters])
      .orderBy('last_seen')
      .execute();
    return rows.map(row => ({
      ...PlacedFinding.parse(JSON.parse(row.body)),
      dismissed: row.dismissed === 1
    }));
  }

  async cellRunsOf(clusters: readonly string[]): Promise<CellRun[]> {
    if (clusters.length === 0) return [];
    const rows = await this.store
      .selectFrom('cell_runs')
      .selectAll()
      .where('cluster', 'in', [...clusters])
      .orderBy('started_at')
      .execute();
    return rows.map(row => CellRun.parse(JSON.parse(row.body)));
  }

  async saveFinding(placed: PlacedFinding): Promise<void> {
    const { cluster, finding } = placed;
    const change = { last_seen: finding.lastSeen, body: JSON.stringify(placed) };
    const dismissed = placed.dismissed ? 1 : 0;
    await this.store
      .insertInto('findings')
      .values({ cluster, id: finding.id, dismissed, ...change })
      .onConflict(conflict =>
        conflict.columns(['cluster', 'id']).doUpdateSet({ dismissed, ...change })
      )
      .execute();
  }

  async removeFinding(cluster: string, id: string): Promise<void> {
    await this.store
      .deleteFrom('findings')
      .where('cluster', '=', cluster)
      .where('id', '=', id)
      .execute();
  }

  async saveCellRun(cellRun: CellRun): Promise<void> {
    const { cluster, cell, run } = cellRun;
    const change = { started_at: cellRun.startedAt, body: JSON.stringify(cellRun) };
    await this.store
      .insertInto('cell_runs')
      .values({ cluster, cell, run, ...change })
      .onConflict(conflict => conflict.columns(['cluster', 'cell', 'run']).doUpdateSet(change))
      .execute();
  }
}
