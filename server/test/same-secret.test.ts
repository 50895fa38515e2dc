import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { openTokens } from '../src/identity/tokens.js';
import { haveSameSecret } from '../src/replicas/same-secret.js';
import { openStore, type Store } from '../src/store/store.js';
import { temporaryDirectory } from './support/server.js';

let store: Store;
let places: ReturnType<typeof temporaryDirectory>[];
const place = () => {
  const made = temporaryDirectory();
  places.push(made);
  return made.path;
};

beforeEach(async () => {
  store = await openStore(':memory:');
  places = [];
});
afterEach(async () => {
  await store.destroy();
  for (const one of places) one.remove();
});

it('a server with the secret of the others is accepted, even if its files are read-only', async () => {
  const directory = place();
  await haveSameSecret(store, await openTokens(directory));
  const mounted = place();
  for (const name of ['secret', 'token', 'browser-token'])
    writeFileSync(join(mounted, name), `${name}-of-all-servers\n`);
  chmodSync(mounted, 0o500);
  const tokens = await openTokens(mounted);
  expect(tokens.scopeOf('token-of-all-servers')).toBe('user');
  await haveSameSecret(store, await openTokens(directory));
});

it('a server with another secret is refused, with a remedy', async () => {
  await haveSameSecret(store, await openTokens(place()));
  const stranger = await openTokens(place());
  await expect(haveSameSecret(store, stranger)).rejects.toThrow(/AGLAIS_SECRETS/);
  // The database reveals nothing about the secret itself.
  const row = await store.selectFrom('installation').selectAll().executeTakeFirstOrThrow();
  expect(row.value).not.toBe(stranger.secretOf('', 'installation'));
});
