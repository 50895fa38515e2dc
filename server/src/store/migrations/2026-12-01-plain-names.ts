import { PostgresAdapter, type Kysely } from 'kysely';

/** Columns have the names of docs/decisions/022-one-database.md; numbers of runs may be as large as the API takes them. */
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
