import type { Application } from '../application/application.js';
import type { SqlFailure } from '../application/sql-executions.js';

/**
 * Queries that the driver failed with a matching error, without a failed job.
 *
 * Reported are errors of the infrastructure, under the code of their cause: a full heap, a full disk, an
 * unavailable share, a broadcast. Not reported are errors in the query itself (a missing table or column,
 * a type, a path, a permission): the exception in the notebook is complete, nothing was lost, and no
 * setting of Spark would help.
 */
export function queriesFailedBy(app: Application, pattern: RegExp): SqlFailure[] {
  return app.sql.failures.filter(
    ({ byJob, evidence }) => !byJob && pattern.test(evidence.quote) && !NETWORK.test(evidence.quote)
  );
}

/** Broken connections between Spark's own processes are not share failures. */
const NETWORK = /SocketException|netty/i;
