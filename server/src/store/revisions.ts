import { sql, PostgresAdapter, type RawBuilder, type Transaction } from 'kysely';
import type { Database } from './schema.js';
import type { Store } from './store.js';

/**
 * Writes something that other servers have to see, with a number that is larger than that of everything committed before.
 * One writer at a time, of all servers: whoever sees a number sees all that is below it, and what `work` reads is
 * what is there when it writes.
 */
export async function revised<T>(
  store: Store,
  work: (transaction: Transaction<Database>, revision: number) => Promise<T>
): Promise<T> {
  return store.transaction().execute(async transaction => {
    const { value } = await transaction
      .updateTable('revisions')
      .set(row => ({ value: row('value', '+', 1) }))
      .returning('value')
      .executeTakeFirstOrThrow();
    return work(transaction, value);
  });
}

/** The largest number of what is committed. */
export async function newestRevision(store: Store): Promise<number> {
  return (await store.selectFrom('revisions').select('value').executeTakeFirstOrThrow()).value;
}

/** The time of the database in ms, for all servers the same. */
export function databaseTime(store: Store): RawBuilder<number> {
  return store.getExecutor().adapter instanceof PostgresAdapter
    ? sql<number>`cast(extract(epoch from clock_timestamp()) * 1000 as bigint)`
    : sql<number>`cast(unixepoch('subsec') * 1000 as integer)`;
}
