import { Kysely, PostgresDialect, SqliteDialect, type Dialect } from 'kysely';
import { Migrator } from 'kysely/migration';
import pg from 'pg';
import { errorMessage } from '../error-message.js';
import { passwordsOf, redact } from '../redaction.js';
import * as first from './migrations/2026-11-21-first.js';
import * as options from './migrations/2026-11-22-options.js';
import * as replicas from './migrations/2026-11-23-replicas.js';
import * as spares from './migrations/2026-11-30-spares.js';
import type { Database } from './schema.js';
import { openSqlite } from './sqlite.js';

const migrations = {
  '2026-11-21-first': first,
  '2026-11-22-options': options,
  '2026-11-23-replicas': replicas,
  '2026-11-30-spares': spares
};

const INT8_OID = 20;
/** A server that is frozen in the middle of a transaction must not hold up the others for longer, ms. */
const FROZEN_MS = 5_000;

function dialect(location: string): Dialect {
  if (!/^postgres(ql)?:/.test(location))
    return new SqliteDialect({ database: openSqlite(location) });
  const pool = new pg.Pool({
    connectionString: location,
    // Our bigints are times in ms, far below 2^53.
    types: {
      getTypeParser: ((oid: number, format?: 'text') =>
        oid === INT8_OID ? Number : (pg.types.getTypeParser(oid, format) as unknown)) as never
    }
  });
  // An idle connection broke (the database was restarted): the next query gets a new one, or an error of its own.
  // Without a listener, Node would end the server.
  pool.on('error', () => undefined);
  pool.on('connect', client => {
    // The same for one that breaks between two queries of a transaction.
    client.on('error', () => undefined);
    // Sent before the query that the connection was made for; where it fails, that one does, too.
    client.query(`SET idle_in_transaction_session_timeout = ${FROZEN_MS}`).catch(() => undefined);
  });
  return new PostgresDialect({ pool });
}

export type Store = Kysely<Database>;

/**
 * Opens the database, newest schema included.
 * @param location `postgresql://…`, or the path of an SQLite file (`:memory:` for one that is forgotten)
 */
export async function openStore(location: string): Promise<Store> {
  let store: Store | null = null;
  try {
    store = new Kysely<Database>({ dialect: dialect(location) });
    const migrator = new Migrator({
      db: store,
      provider: { getMigrations: () => Promise.resolve(migrations) }
    });
    const { error } = await migrator.migrateToLatest();
    if (error) throw error as Error;
    return store;
  } catch (error) {
    await store?.destroy();
    throw new Error(
      redact(
        `The database ${location} could not be opened or brought to this version; it was left as it is. ${errorMessage(error)}`,
        passwordsOf(location)
      ),
      { cause: error }
    );
  }
}
