import type { Kysely } from 'kysely';

/** Clusters that are started in advance, for the next request. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('clusters')
    .addColumn('spare', 'integer', column => column.notNull().defaultTo(0))
    .execute();
  await db.schema.alterTable('clusters').addColumn('catalogue', 'text').execute();
}
