import type { Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('clusters')
    .addColumn('id', 'text', column => column.primaryKey())
    .addColumn('kernel', 'text', column => column.notNull())
    .addColumn('notebook', 'text', column => column.notNull())
    .addColumn('jupyter_server', 'text')
    .addColumn('launcher', 'text', column => column.notNull())
    .addColumn('shape', 'text', column => column.notNull())
    .addColumn('desired', 'text', column => column.notNull())
    .addColumn('state', 'text', column => column.notNull())
    .addColumn('reason', 'text')
    .addColumn('application', 'text')
    .addColumn('spark_version', 'text')
    .addColumn('created_at', 'bigint', column => column.notNull())
    .addColumn('ready_at', 'bigint')
    .addColumn('stopped_at', 'bigint')
    .addColumn('last_used_at', 'bigint', column => column.notNull())
    .execute();
  // A kernel has one cluster: two simultaneous requests cannot create two.
  await db.schema
    .createIndex('clusters_one_per_kernel')
    .unique()
    .on('clusters')
    .column('kernel')
    .where('desired' as never, '=', 'running')
    .execute();
  await db.schema
    .createTable('cell_runs')
    .addColumn('cluster', 'text', column => column.notNull())
    .addColumn('cell', 'text', column => column.notNull())
    .addColumn('run', 'integer', column => column.notNull())
    .addColumn('started_at', 'bigint', column => column.notNull())
    .addColumn('body', 'text', column => column.notNull())
    .addPrimaryKeyConstraint('cell_runs_key', ['cluster', 'cell', 'run'])
    .execute();
  await db.schema
    .createTable('findings')
    .addColumn('cluster', 'text', column => column.notNull())
    .addColumn('id', 'text', column => column.notNull())
    .addColumn('dismissed', 'integer', column => column.notNull())
    .addColumn('last_seen', 'bigint', column => column.notNull())
    .addColumn('body', 'text', column => column.notNull())
    .addPrimaryKeyConstraint('findings_key', ['cluster', 'id'])
    .execute();
}
