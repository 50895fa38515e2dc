import type { Kysely } from 'kysely';

/** What several servers share is in the database: `docs/decisions/013-replicas.md`. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const table of ['clusters', 'cell_runs', 'findings']) {
    await db.schema
      .alterTable(table)
      .addColumn('revision', 'bigint', column => column.notNull().defaultTo(0))
      .execute();
    await db.schema.createIndex(`${table}_revision`).on(table).column('revision').execute();
  }
  await db.schema.alterTable('clusters').addColumn('replaces', 'text').execute();
  await db.schema
    .alterTable('findings')
    .addColumn('withdrawn', 'integer', column => column.notNull().defaultTo(0))
    .execute();
  await db.schema
    .createTable('cluster_views')
    .addColumn('cluster', 'text', column => column.primaryKey())
    .addColumn('body', 'text', column => column.notNull())
    .addColumn('url', 'text')
    .addColumn('ca', 'text')
    .addColumn('event_lines', 'bigint', column => column.notNull().defaultTo(0))
    .addColumn('revision', 'bigint', column => column.notNull())
    .execute();
  await db.schema
    .createTable('cluster_notes')
    .addColumn('cluster', 'text', column => column.primaryKey())
    .addColumn('namespace', 'text')
    .addColumn('begun_at', 'bigint')
    .addColumn('stopped_at', 'bigint')
    .execute();
  await db.schema
    .createTable('observations')
    .addColumn('cluster', 'text', column => column.notNull())
    .addColumn('revision', 'bigint', column => column.notNull())
    .addColumn('key', 'text')
    .addColumn('body', 'text', column => column.notNull())
    .addPrimaryKeyConstraint('observations_key', ['cluster', 'revision'])
    .execute();
  // Nulls are distinct in both databases.
  await db.schema
    .createIndex('observations_once')
    .unique()
    .on('observations')
    .columns(['cluster', 'key'])
    .execute();
  await db.schema.createIndex('observations_new').on('observations').column('revision').execute();
  await db.schema
    .createTable('jupyter_servers')
    .addColumn('id', 'text', column => column.primaryKey())
    .addColumn('heard_at', 'bigint', column => column.notNull())
    .addColumn('kernels', 'text', column => column.notNull())
    .execute();
  await db.schema
    .createTable('leases')
    .addColumn('name', 'text', column => column.primaryKey())
    .addColumn('keeper', 'text', column => column.notNull())
    .addColumn('kept_until', 'bigint', column => column.notNull())
    .execute();
  await db.schema
    .createTable('installation')
    .addColumn('name', 'text', column => column.primaryKey())
    .addColumn('value', 'text', column => column.notNull())
    .execute();
  await db.schema
    .createTable('revisions')
    .addColumn('value', 'bigint', column => column.notNull())
    .execute();
  await (db as Kysely<{ revisions: { value: number } }>)
    .insertInto('revisions')
    .values({ value: 0 })
    .execute();
}
