import type { Advice, Evidence, Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import { parseSeconds } from '../application/spark-conf.js';
import { APPLICATION_SCOPE, cellKey } from '../application/scopes.js';
import { finding } from './build-finding.js';
import { duration } from './format.js';

/** BroadcastExchangeExec's words: the first is a limit in bytes, the second one in rows. */
const TOO_LARGE =
  /Cannot broadcast the table (?:that is larger than ([\d.]+ ?[KMGT]?i?B): ([\d.]+ ?[KMGT]?i?B)|over (\d+) rows: (\d+) rows)/;
const TIMEOUT = /Could not execute broadcast in (\d+) secs/;
const MEMORY = /Not enough memory to build and broadcast/;

interface Failure {
  scope: string;
  evidence: Evidence;
}

/**
 * A table that was to be sent whole to every executor was too large, or took too long. No job says
 * so, for the driver itself fails the query: SQL executions, logs and clients do.
 */
export function broadcastTooLarge(app: Application): Finding[] {
  const failures = [...byExecution(app), ...byAccounts(app)];
  const known = failures.filter(({ scope }) => scope !== APPLICATION_SCOPE);
  // What the driver's log says belongs to the query that is known to have failed by it.
  const scopes = new Set((known.length > 0 ? known : failures).map(({ scope }) => scope));
  return [...scopes].map(scope => {
    const own = failures.filter(one => one.scope === scope || one.scope === APPLICATION_SCOPE);
    return oneTooLarge(
      app,
      scope,
      own.map(({ evidence }) => evidence)
    );
  });
}

function oneTooLarge(app: Application, scope: string, evidence: readonly Evidence[]): Finding {
  const quote = evidence[0]!.quote;
  const size = TOO_LARGE.exec(quote);
  const timeout = TIMEOUT.exec(quote);
  const limit = size?.[1] ?? (size?.[3] === undefined ? undefined : `${size[3]} rows`);
  const actual = size?.[2] ?? (size?.[4] === undefined ? undefined : `${size[4]} rows`);
  return finding(app, {
    code: 'broadcast-too-large',
    scope: app.scopes.get(scope),
    confidence: 'certain',
    title: size
      ? `A table of ${actual} is too large to be sent to every executor`
      : timeout
        ? `Sending a table to every executor took more than ${duration(1000 * Number(timeout[1]))}`
        : 'A table that was to be sent to every executor did not fit in memory',
    what: size
      ? `a join was to send a table of ${actual} to every executor, and Spark sends no more than ${limit}`
      : timeout
        ? `a join was to send a table to every executor, and it was not ready after ${duration(1000 * Number(timeout[1]))} (spark.sql.broadcastTimeout)`
        : 'a join was to send a table to every executor, and it did not fit in the memory of the driver',
    setbacks: [],
    evidence: [...evidence],
    effects: ['the query failed'],
    advice: adviceOf(app, timeout ? Number(timeout[1]) : null),
    count: 1,
    failed: message => [TOO_LARGE, TIMEOUT, MEMORY].some(words => words.test(message)),
    seen: evidence.flatMap(({ at }) => at ?? []),
    severity: 'error'
  });
}

function byExecution(app: Application): Failure[] {
  const told = app.sql.failures.filter(({ evidence }) => isBroadcast(evidence.quote));
  const jobs = [...app.jobs.values()].flatMap(({ scope, failure }) =>
    failure && isBroadcast(failure.quote) ? [{ scope, evidence: failure }] : []
  );
  const all = [...told, ...jobs];
  // A nested execution fails with the same words as the one around it, which owns the jobs.
  return all.filter(
    ({ scope, evidence }) =>
      !all.some(
        other =>
          other.scope !== scope &&
          other.evidence.quote === evidence.quote &&
          app.scopes.get(other.scope).jobs.total > app.scopes.get(scope).jobs.total
      )
  );
}

function byAccounts(app: Application): Failure[] {
  return app.accounts.of('broadcast').map(({ cell, run, evidence }) => ({
    scope: cell === null ? APPLICATION_SCOPE : cellKey(cell, run),
    evidence
  }));
}

/** Whether a broadcast failed for lack of the driver's memory. */
export function broadcastMemory(app: Application): boolean {
  const failures = [...byExecution(app), ...byAccounts(app)];
  return failures.some(({ evidence }) => MEMORY.test(evidence.quote));
}

export function isBroadcast(text: string): boolean {
  return [TOO_LARGE, TIMEOUT, MEMORY].some(words => words.test(text));
}

function adviceOf(app: Application, timeoutS: number | null): Advice[] {
  const seconds = timeoutS ?? parseSeconds(app.conf['spark.sql.broadcastTimeout']) ?? 300;
  return [
    {
      action: 'set',
      conf: { 'spark.sql.autoBroadcastJoinThreshold': '-1' },
      sentence:
        'Let Spark join by sorting instead (spark.sql.autoBroadcastJoinThreshold = -1), and take F.broadcast() out of your code if it is there; or keep fewer rows and columns of that table before the join.'
    },
    ...(timeoutS === null
      ? []
      : [
          {
            action: 'set' as const,
            conf: { 'spark.sql.broadcastTimeout': `${2 * seconds}` },
            sentence: `If the table is small and only slow to compute, allow ${duration(2000 * seconds)} in place of ${duration(1000 * seconds)}.`
          }
        ])
  ];
}
