import { sql, PostgresAdapter, type RawBuilder, type Transaction } from 'kysely';
import { CHANGES_CHANNEL } from './change-notifier.js';
import type { Database } from './schema.js';
import { WholeStore, type Store } from './store.js';

/**
 * Writes something that other servers have to see, with a number that is larger than that of everything committed
 * before. There is one writer at a time across all servers: a reader that sees a number also sees all lower ones, and
 * what `work` reads is current when it writes. Other servers are notified of the commit.
 */
export async function revised<T>(
  store: Store,
  work: (transaction: Transaction<Database>, revision: number) => Promise<T>
): Promise<T> {
  const result = await store
    .transaction()
    .execute(async transaction => work(transaction, await nextRevision(transaction)));
  if (store instanceof WholeStore) store.changes.committed();
  return result;
}

async function nextRevision(transaction: Transaction<Database>): Promise<number> {
  if (!isOnPostgres(transaction)) {
    const { value } = await transaction
      .updateTable('revisions')
      .set(row => ({ value: row('value', '+', 1) }))
      .returning('value')
      .executeTakeFirstOrThrow();
    return value;
  }
  const { rows } = await sql<{ value: number }>`
    with next as (update revisions set value = value + 1 returning value)
    select value, pg_notify(${sql.lit(CHANGES_CHANNEL)}, '') from next`.execute(transaction);
  return rows[0]!.value;
}

/** The largest committed number. */
export async function newestRevision(store: Store): Promise<number> {
  return (await store.selectFrom('revisions').select('value').executeTakeFirstOrThrow()).value;
}

/** The time of the database in ms, the same for all servers. */
export function databaseTime(store: Store): RawBuilder<number> {
  return isOnPostgres(store)
    ? sql<number>`cast(extract(epoch from clock_timestamp()) * 1000 as bigint)`
    : sql<number>`cast(unixepoch('subsec') * 1000 as integer)`;
}

const isOnPostgres = (store: Store): boolean =>
  store.getExecutor().adapter instanceof PostgresAdapter;
