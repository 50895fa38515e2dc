import type { Store } from './store.js';

/** Whether a cluster is in the database; asked in the transaction of a write that belongs to it. */
export async function isRemembered(transaction: Store, cluster: string): Promise<boolean> {
  const row = await transaction
    .selectFrom('clusters')
    .select('id')
    .where('id', '=', cluster)
    .executeTakeFirst();
  return row !== undefined;
}
