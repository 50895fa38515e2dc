import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import type { SqliteDatabase, SqliteStatement } from 'kysely';
import { storable } from './storable.js';

const MAX_STATEMENTS = 200;

/**
 * Node's SQLite with the interface of better-sqlite3, which Kysely's dialect expects and which would have to be
 * compiled. With a write-ahead log, committed data survives a killed process.
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
      // A new statement: a running iteration may not be finished when the next one starts.
      iterate: parameters => database.prepare(sql).iterate(...values(parameters))
    };
  };
  const prepared = new Map<string, SqliteStatement>();
  return {
    close: () => database.close(),
    prepare: sql => {
      // The same few statements repeat; lists of different lengths could create any number of others.
      const statement = prepared.get(sql) ?? prepare(sql);
      if (prepared.size < MAX_STATEMENTS) prepared.set(sql, statement);
      return statement;
    }
  };
}
