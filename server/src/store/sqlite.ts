import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import type { SqliteDatabase, SqliteStatement } from 'kysely';
import { storable } from './storable.js';

const MAX_STATEMENTS = 200;

/**
 * Node's own SQLite in the form that Kysely's dialect takes (that of better-sqlite3, which would have to be compiled).
 * Write-ahead log: what was committed survives a killed process.
 */
export function openSqlite(path: string): SqliteDatabase {
  const database = new DatabaseSync(path);
  database.exec(
    'pragma journal_mode = wal; pragma synchronous = normal; pragma busy_timeout = 5000'
  );
  const values = (parameters: readonly unknown[]) => parameters.map(storable) as SQLInputValue[];
  const prepare = (sql: string): SqliteStatement => {
    const statement = database.prepare(sql);
    return {
      reader: statement.columns().length > 0,
      all: parameters => statement.all(...values(parameters)),
      run: parameters => statement.run(...values(parameters)),
      // Of its own: whoever iterates may be in the middle when the next one begins.
      iterate: parameters => database.prepare(sql).iterate(...values(parameters))
    };
  };
  const prepared = new Map<string, SqliteStatement>();
  return {
    close: () => database.close(),
    prepare: sql => {
      // The same few statements come all the time; lists of different lengths could make any number of others.
      const statement = prepared.get(sql) ?? prepare(sql);
      if (prepared.size < MAX_STATEMENTS) prepared.set(sql, statement);
      return statement;
    }
  };
}
