import type { Tokens } from '../identity/tokens.js';
import type { Store } from '../store/store.js';

/**
 * Rejects a server whose secret differs from that of the others: its kernels could not use their clusters, nor could it
 * read their evidence. The compared value reveals nothing about the secret.
 * @throws with a remedy
 */
export async function haveSameSecret(store: Store, tokens: Tokens): Promise<void> {
  const value = tokens.secretOf('', 'installation');
  await store
    .insertInto('installation')
    .values({ name: 'secret', value })
    .onConflict(conflict => conflict.doNothing())
    .execute();
  const first = await store
    .selectFrom('installation')
    .select('value')
    .where('name', '=', 'secret')
    .executeTakeFirst();
  if (first?.value === value) return;
  throw new Error(
    'This server has another secret than the one that made the clusters in its database; nothing was started. Give all servers ' +
      'of an installation the same files `secret`, `token` and `browser-token` (AGLAIS_SECRETS names their folder). If ' +
      "the old secret is lost, stop all clusters and delete the row 'secret' of the table `installation`."
  );
}
