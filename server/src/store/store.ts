import { errorMessage } from '../error-message.js';
import { passwordsOf, redact } from '../redaction.js';
import { Kysely, SqliteDialect, type Dialect } from 'kysely';
import { LocalNotifier, PostgresNotifier, type ChangeNotifier } from './change-notifier.js';
import { migrate } from './migrate.js';
import {
  DEDICATED_LIMITS,
  isPostgres,
  MIGRATION_LIMITS,
  POOL_LIMITS,
  postgresDialect,
  type ConnectionLimits
} from './postgres.js';
import type { Database } from './schema.js';
import { openSqlite } from './sqlite.js';

/** The tables: of the whole database, or of one transaction. */
export type Store = Kysely<Database>;

/** The whole database, with more than its tables. */
export class WholeStore extends Kysely<Database> {
  constructor(
    dialect: Dialect,
    private readonly location: string,
    /** Notifies of commits that other servers have to see. */
    readonly changes: ChangeNotifier
  ) {
    super({ dialect });
  }

  /**
   * A separate connection that fails within seconds; for SQLite, which has no other users, the same one. Call `close`
   * when it is no longer needed.
   */
  dedicated(): { store: Store; close(): Promise<void> } {
    if (!isPostgres(this.location)) return { store: this, close: () => Promise.resolve() };
    const dialect = postgresDialect(this.location, DEDICATED_LIMITS);
    const store = new Kysely<Database>({ dialect });
    return { store, close: () => store.destroy() };
  }
}

/**
 * Opens the database and migrates it to the latest schema.
 * @param location `postgresql://…`, or the path of an SQLite file (`:memory:` for a temporary one)
 * @throws with a remedy, if it cannot be reached, or belongs to a newer Aglais that this one cannot work with
 */
export async function openStore(
  location: string,
  limits: Partial<ConnectionLimits> = {}
): Promise<WholeStore> {
  let store: WholeStore | null = null;
  try {
    if (isPostgres(location)) {
      const migrating = new Kysely<Database>({
        dialect: postgresDialect(location, { ...MIGRATION_LIMITS })
      });
      await migrate(migrating).finally(() => migrating.destroy());
      const dialect = postgresDialect(location, { ...POOL_LIMITS, ...limits });
      return new WholeStore(dialect, location, new PostgresNotifier(location));
    }
    const dialect = new SqliteDialect({ database: openSqlite(location) });
    store = new WholeStore(dialect, location, new LocalNotifier());
    await migrate(store);
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
