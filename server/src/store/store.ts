import { Kysely, PostgresDialect, SqliteDialect, type Dialect } from 'kysely';
import { Migrator } from 'kysely/migration';
import pg from 'pg';
import * as first from './migrations/2026-11-21-first.js';
import type { Database } from './schema.js';
import { openSqlite } from './sqlite.js';

const migrations = { '2026-11-21-first': first };

const INT8_OID = 20;

function dialect(location: string): Dialect {
  if (!/^postgres(ql)?:/.test(location))
    return new SqliteDialect({ database: openSqlite(location) });
  return new PostgresDialect({
    pool: new pg.Pool({
      connectionString: location,
      // Our bigints are times in ms, far below 2^53.
      types: {
        getTypeParser: ((oid: number, format?: 'text') =>
          oid === INT8_OID ? Number : (pg.types.getTypeParser(oid, format) as unknown)) as never
      }
    })
  });
}

export type Store = Kysely<Database>;

/**
 * Opens the database, newest schema included.
 * @param location `postgresql://…`, or the path of an SQLite file (`:memory:` for one that is forgotten)
 */
export async function openStore(location: string): Promise<Store> {
  const store = new Kysely<Database>({ dialect: dialect(location) });
  const migrator = new Migrator({
    db: store,
    provider: { getMigrations: () => Promise.resolve(migrations) }
  });
  const { error } = await migrator.migrateToLatest();
  if (error) {
    await store.destroy();
    throw new Error(
      `The database ${location.replace(/\/\/[^@/]*@/, '//')} could not be brought to this version; it was left as it is.`,
      { cause: error }
    );
  }
  return store;
}
