import type { Application } from '../application/application.js';
import type { SqlFailure } from '../application/sql-executions.js';

/**
 * Queries that the driver itself failed with such words, before they had a job or beside their jobs.
 *
 * Which of these errors are ours to tell: those of what Spark runs on, a full heap, a full disk, a share
 * that does not answer, a broadcast. They are told under the code of their cause. All others are answers to
 * the query as it was asked (a table or column that is not there, a type, a path, a permission): the
 * exception in the notebook says them in full, nothing was lost, and no change of Spark would help.
 */
export function queriesFailedBy(app: Application, words: RegExp): SqlFailure[] {
  return app.sql.failures.filter(
    ({ byJob, evidence }) => !byJob && words.test(evidence.quote) && !NETWORK.test(evidence.quote)
  );
}

/** Connections between Spark's own processes break, too; those are not shares. */
const NETWORK = /SocketException|netty/i;
