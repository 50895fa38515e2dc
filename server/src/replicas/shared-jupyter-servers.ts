import { sql } from 'kysely';
import {
  JUPYTER_FORGOTTEN_MS,
  JUPYTER_SILENT_MS,
  type JupyterServers
} from '../clusters/jupyter-servers.js';
import type { Store } from '../store/store.js';
import type { Leases } from './leases.js';
import { databaseTime } from '../store/revisions.js';

/** The reports of Jupyter Servers, to any server. */
export class SharedJupyterServers implements JupyterServers {
  constructor(
    private readonly store: Store,
    private readonly leases: Leases
  ) {}

  async heard(server: string, kernels: readonly string[]): Promise<void> {
    const change = { reported_at: databaseTime(this.store), kernels: JSON.stringify(kernels) };
    await this.store
      .insertInto('jupyter_servers')
      .values({ id: server, ...change })
      .onConflict(conflict => conflict.column('id').doUpdateSet(change))
      .execute();
  }

  async jupyterServerOf(kernel: string): Promise<string | null> {
    const rows = await this.store
      .selectFrom('jupyter_servers')
      .selectAll()
      .orderBy('reported_at', 'desc')
      .execute();
    const found = rows.find(row => (JSON.parse(row.kernels) as string[]).includes(kernel));
    return found?.id ?? null;
  }

  async anyReported(): Promise<boolean> {
    const row = await this.store.selectFrom('jupyter_servers').select('id').executeTakeFirst();
    return row !== undefined;
  }

  async silent(servers: readonly string[]): Promise<Set<string>> {
    // Nobody could report while the database was unavailable.
    if (servers.length === 0 || this.leases.connectedMs() < JUPYTER_SILENT_MS) return new Set();
    const time = databaseTime(this.store);
    const rows = await this.store
      .selectFrom('jupyter_servers')
      .select(row => ['id', row(time, '-', row.ref('reported_at')).as('silent')])
      .where('id', 'in', [...servers])
      .execute();
    const reporting = rows.filter(({ silent }) => Number(silent) < JUPYTER_SILENT_MS);
    const known = new Set(reporting.map(({ id }) => id));
    return new Set(servers.filter(server => !known.has(server)));
  }

  /** Deletes those that have not reported for a day. */
  async deleteSilent(): Promise<void> {
    const time = databaseTime(this.store);
    await this.store
      .deleteFrom('jupyter_servers')
      .where('reported_at', '<', sql<number>`${time} - ${sql.lit(JUPYTER_FORGOTTEN_MS)}`)
      .execute();
  }
}
