import type { Kysely } from 'kysely';

/** The options of clusters in addition to their shape. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('clusters')
    .addColumn('options', 'text', column => column.notNull().defaultTo('[]'))
    .execute();
}
