import type { Kysely } from 'kysely';
import { Migrator, type Migration } from 'kysely/migration';
import * as first from './migrations/2026-11-21-first.js';
import * as options from './migrations/2026-11-22-options.js';
import * as replicas from './migrations/2026-11-23-replicas.js';
import * as spares from './migrations/2026-11-30-spares.js';
import * as plainNames from './migrations/2026-12-01-plain-names.js';
import type { Database } from './schema.js';

/** In the order of their names. */
export const migrations: Readonly<Record<string, Migration>> = {
  '2026-11-21-first': first,
  '2026-11-22-options': options,
  '2026-11-23-replicas': replicas,
  '2026-11-30-spares': spares,
  '2026-12-01-plain-names': plainNames
};

/**
 * The oldest server that can work with this schema is the one with this migration. Migrations that only add (tables,
 * columns with a default) leave it unchanged; one that renames or removes sets it to itself.
 */
const COMPATIBLE_SINCE = '2026-12-01-plain-names';
const COMPATIBILITY = 'compatible-since';

/**
 * Migrates a database to the latest schema. A database with a newer schema stays as it is.
 * @param known migrations of this server, and what the latest of them requires of older servers
 * @throws if it belongs to a newer server and this one cannot work with it
 */
export async function migrate(
  db: Kysely<Database>,
  known: { migrations: Readonly<Record<string, Migration>>; compatibleSince: string } = {
    migrations,
    compatibleSince: COMPATIBLE_SINCE
  }
): Promise<void> {
  const newer = (await executed(db)).filter(name => !(name in known.migrations));
  if (newer.length > 0) await refuseIncompatible(db, known.migrations, newer);
  const nothing: Migration = { up: () => Promise.resolve() };
  const others = Object.fromEntries(newer.map(name => [name, nothing]));
  const migrator = new Migrator({
    db,
    provider: { getMigrations: () => Promise.resolve({ ...known.migrations, ...others }) }
  });
  const { error } = await migrator.migrateToLatest();
  if (error) throw error as Error;
  // A newer server that started at the same time reports it itself.
  if (newer.length === 0) await recordCompatibility(db, known.compatibleSince);
}

async function executed(db: Kysely<Database>): Promise<string[]> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some(({ name }) => name === 'kysely_migration')) return [];
  const rows = await (db as unknown as Kysely<{ kysely_migration: { name: string } }>)
    .selectFrom('kysely_migration')
    .select('name')
    .orderBy('name')
    .execute();
  return rows.map(({ name }) => name);
}

async function refuseIncompatible(
  db: Kysely<Database>,
  known: Readonly<Record<string, Migration>>,
  newer: readonly string[]
): Promise<void> {
  const row = await db
    .selectFrom('installation')
    .select('value')
    .where('name', '=', COMPATIBILITY)
    .executeTakeFirst();
  if (row && row.value in known) return;
  throw new Error(
    `A newer Aglais has changed it in a way that this version cannot work with (${newer.join(', ')}). ` +
      'Update this server, or restore a backup from before that update.'
  );
}

async function recordCompatibility(db: Kysely<Database>, value: string): Promise<void> {
  await db
    .insertInto('installation')
    .values({ name: COMPATIBILITY, value })
    .onConflict(conflict =>
      conflict.column('name').doUpdateSet({ value }).where('installation.value', '<', value)
    )
    .execute();
}
