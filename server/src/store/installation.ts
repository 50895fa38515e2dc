import { randomBytes } from 'node:crypto';
import type { Store } from './store.js';

const ID = 'id';

/** All servers that work with one database. */
export interface Installation {
  /** Random, created by the first server; a valid label in Kubernetes. */
  id: string;
  /** Clusters in the database, including ended ones. */
  clusters(): Promise<Set<string>>;
}

/**
 * The installation that a database belongs to. Only its own objects may be collected: another one may use the same
 * Kubernetes, and even the same name.
 */
export async function openInstallation(store: Store): Promise<Installation> {
  await store
    .insertInto('installation')
    .values({ name: ID, value: randomBytes(8).toString('hex') })
    .onConflict(conflict => conflict.doNothing())
    .execute();
  const { value } = await store
    .selectFrom('installation')
    .select('value')
    .where('name', '=', ID)
    .executeTakeFirstOrThrow();
  return {
    id: value,
    async clusters() {
      const rows = await store.selectFrom('clusters').select('id').execute();
      return new Set(rows.map(({ id }) => id));
    }
  };
}
