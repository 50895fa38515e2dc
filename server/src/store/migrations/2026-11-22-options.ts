import type { Kysely } from 'kysely';

/** What clusters were given beyond their size. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('clusters')
    .addColumn('options', 'text', column => column.notNull().defaultTo('[]'))
    .execute();
}
