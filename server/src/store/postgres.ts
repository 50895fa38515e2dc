import pg from 'pg';
import { PostgresDialect } from 'kysely';
import { storable } from './storable.js';

export interface ConnectionLimits {
  /** Maximum number of connections. */
  connections: number;
  /** Timeout for connecting, and for a free connection of the pool, ms. */
  connectMs: number;
  /** The database ends a statement after this time, ms; 0: never. */
  statementMs: number;
  /** A connection without a response is closed after this time, ms: the other side may be dead. */
  answerMs: number;
}

export const POOL_LIMITS: ConnectionLimits = {
  connections: 10,
  connectMs: 10_000,
  statementMs: 15_000,
  answerMs: 20_000
};

/** For queries with a deadline, independent of all others: the renewal of leases. */
export const DEDICATED_LIMITS: ConnectionLimits = {
  connections: 1,
  connectMs: 2_000,
  statementMs: 2_000,
  answerMs: 2_500
};

/** Schema changes may take long. */
export const MIGRATION_LIMITS: ConnectionLimits = {
  connections: 1,
  connectMs: 10_000,
  statementMs: 0,
  answerMs: 0
};

/** A server that is frozen in the middle of a transaction must not block the others for longer, ms. */
const FROZEN_MS = 5_000;
/** An idle connection is probed after this time, ms; ten probes without a response, a second each, end it. */
const PROBE_AFTER_MS = 10_000;
const INT8_OID = 20;

/** Whether a location is a PostgreSQL URL; otherwise it is the path of an SQLite file. */
export const isPostgres = (location: string): boolean => /^postgres(ql)?:/.test(location);

/** A connection that fails when the database does not respond, and does not send what the database always rejects. */
class Connection extends pg.Client {
  answerMs = 0;

  // pg has one overloaded method; Kysely uses the variant with a promise.
  override query(...[statement, values, ...rest]: unknown[]): never {
    const sent = [statement, Array.isArray(values) ? values.map(storable) : values, ...rest];
    const query = super.query.bind(this) as (...all: unknown[]) => unknown;
    const answer = query(...sent);
    if (this.answerMs > 0 && answer instanceof Promise) {
      const timer = setTimeout(() => this.giveUp(), this.answerMs);
      const done = () => clearTimeout(timer);
      answer.then(done, done);
    }
    return answer as never;
  }

  private giveUp(): void {
    const { stream } = (this as unknown as { connection: { stream: NodeJS.WritableStream } })
      .connection;
    (stream as unknown as { destroy(error: Error): void }).destroy(
      new Error(`The database did not answer within ${this.answerMs} ms.`)
    );
  }
}

/** @param location `postgresql://…` */
export function postgresDialect(location: string, limits: ConnectionLimits): PostgresDialect {
  const { connections, connectMs, statementMs, answerMs } = limits;
  const pool = new pg.Pool({
    ...connectionOptions(location),
    Client: Connection,
    max: connections,
    connectionTimeoutMillis: connectMs
  });
  // An idle connection broke (the database was restarted): the next query gets a new one, or an error of its own.
  // Without a listener, Node would exit.
  pool.on('error', () => undefined);
  pool.on('connect', client => {
    (client as unknown as Connection).answerMs = answerMs;
    // The same for one that breaks between two queries of a transaction.
    client.on('error', () => undefined);
    // Sent before the query for which the connection was opened; if it fails, that one does, too.
    client
      .query(
        `SET idle_in_transaction_session_timeout = ${FROZEN_MS}; SET statement_timeout = ${statementMs}`
      )
      .catch(() => undefined);
  });
  return new PostgresDialect({ pool });
}

/** A separate connection, not yet open. */
export function postgresClient(location: string): pg.Client {
  return new pg.Client({
    ...connectionOptions(location),
    connectionTimeoutMillis: POOL_LIMITS.connectMs
  });
}

function connectionOptions(location: string): pg.ClientConfig {
  return {
    connectionString: location,
    keepAlive: true,
    keepAliveInitialDelayMillis: PROBE_AFTER_MS,
    application_name: 'aglais',
    // Bigints are times in ms, far below 2^53.
    types: {
      getTypeParser: ((oid: number, format?: 'text') =>
        oid === INT8_OID ? Number : (pg.types.getTypeParser(oid, format) as unknown)) as never
    }
  };
}
