import { PostgresAdapter, type Kysely } from 'kysely';

/** Columns get the names of docs/decisions/022-one-database.md; run numbers may be as large as in the API. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const renamed = [
    ['leases', 'keeper', 'holder'],
    ['leases', 'kept_until', 'expires_at'],
    ['jupyter_servers', 'heard_at', 'reported_at'],
    ['cluster_notes', 'begun_at', 'driver_created_at']
  ] as const;
  for (const [table, from, to] of renamed)
    await db.schema.alterTable(table).renameColumn(from, to).execute();
  // SQLite's integers have 64 bits.
  if (!(db.getExecutor().adapter instanceof PostgresAdapter)) return;
  await db.schema
    .alterTable('cell_runs')
    .alterColumn('run', column => column.setDataType('bigint'))
    .execute();
}
