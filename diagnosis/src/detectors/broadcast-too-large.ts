import type { Advice, Evidence, Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import { parseSeconds } from '../application/spark-conf.js';
import { APPLICATION_SCOPE, cellKey } from '../application/scopes.js';
import { buildFinding } from './build-finding.js';
import { formatDuration } from './format.js';

/** Messages of BroadcastExchangeExec: the first names a limit in bytes, the second in rows. */
const TOO_LARGE =
  /Cannot broadcast the table (?:that is larger than ([\d.]+ ?[KMGT]?i?B): ([\d.]+ ?[KMGT]?i?B)|over (\d+) rows: (\d+) rows)/;
const TIMEOUT = /Could not execute broadcast in (\d+) secs/;
const MEMORY = /Not enough memory to build and broadcast/;

interface Failure {
  scope: string;
  evidence: Evidence;
}

/**
 * A broadcast was too large or timed out. No job reports it, because the driver itself fails the
 * query; SQL executions, logs and clients do.
 */
export function broadcastTooLarge(app: Application): Finding[] {
  const failures = [...byExecution(app), ...bySignals(app)];
  const known = failures.filter(({ scope }) => scope !== APPLICATION_SCOPE);
  // A message in the driver's log belongs to the query that is known to have failed.
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
  return buildFinding(app, {
    code: 'broadcast-too-large',
    scope: app.scopes.get(scope),
    confidence: 'certain',
    title: size
      ? `A table of ${actual} is too large to broadcast`
      : timeout
        ? `A broadcast timed out after ${formatDuration(1000 * Number(timeout[1]))}`
        : 'A broadcast table did not fit in memory',
    what: size
      ? `a join tried to broadcast a table of ${actual}, and the limit for a broadcast is ${limit}`
      : timeout
        ? `a join tried to broadcast a table, which was not ready after ${formatDuration(1000 * Number(timeout[1]))} (spark.sql.broadcastTimeout)`
        : 'a join tried to broadcast a table that did not fit in the memory of the driver',
    lostWork: [],
    evidence: [...evidence],
    effects: ['the query failed'],
    advice: adviceOf(app, timeout ? Number(timeout[1]) : null),
    count: 1,
    failed: message => [TOO_LARGE, TIMEOUT, MEMORY].some(pattern => pattern.test(message)),
    seen: evidence.flatMap(({ at }) => at ?? []),
    severity: 'error'
  });
}

function byExecution(app: Application): Failure[] {
  const failed = app.sql.failures.filter(({ evidence }) => isBroadcast(evidence.quote));
  const jobs = [...app.jobs.values()].flatMap(({ scope, failure }) =>
    failure && isBroadcast(failure.quote) ? [{ scope, evidence: failure }] : []
  );
  const all = [...failed, ...jobs];
  // A nested execution fails with the same message as the outer one, which owns the jobs.
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

function bySignals(app: Application): Failure[] {
  return app.logSignals.of('broadcast').map(({ cell, run, evidence }) => ({
    scope: cell === null ? APPLICATION_SCOPE : cellKey(cell, run),
    evidence
  }));
}

/** Whether a broadcast failed because the driver ran out of memory. */
export function broadcastRanOutOfMemory(app: Application): boolean {
  const failures = [...byExecution(app), ...bySignals(app)];
  return failures.some(({ evidence }) => MEMORY.test(evidence.quote));
}

export function isBroadcast(text: string): boolean {
  return [TOO_LARGE, TIMEOUT, MEMORY].some(pattern => pattern.test(text));
}

function adviceOf(app: Application, timeoutS: number | null): Advice[] {
  const seconds = timeoutS ?? parseSeconds(app.conf['spark.sql.broadcastTimeout']) ?? 300;
  return [
    {
      action: 'set',
      conf: { 'spark.sql.autoBroadcastJoinThreshold': '-1' },
      sentence:
        'Use a sort-merge join instead (spark.sql.autoBroadcastJoinThreshold = -1) and remove F.broadcast() from your code if it is there; or select fewer rows and columns of that table before the join.'
    },
    ...(timeoutS === null
      ? []
      : [
          {
            action: 'set' as const,
            conf: { 'spark.sql.broadcastTimeout': `${2 * seconds}` },
            sentence: `If the table is small but slow to compute, raise the timeout from ${formatDuration(1000 * seconds)} to ${formatDuration(2000 * seconds)}.`
          }
        ])
  ];
}
