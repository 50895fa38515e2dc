import type { Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import type { Account } from '../application/log-signals.js';
import { APPLICATION_SCOPE, cellKey } from '../application/scopes.js';
import { finding } from './build-finding.js';
import { brokenOff, driverEnds, endedBy, lastEvent } from './driver-exit.js';
import { plural } from './format.js';

/** Findings that say why there is no session any more; what the client then hears is their effect. */
const CAUSES: ReadonlySet<string> = new Set([
  'driver-oom-killed',
  'driver-heap-oom',
  'too-many-executor-failures'
]);

/**
 * The session was replaced or is gone. The server's own words are certain; a driver that does not
 * answer may come back, unless its log or its container says that it has ended. That its log breaks off
 * at that time is the same incident.
 */
export function sessionLost(app: Application, others: readonly Finding[]): Finding[] {
  const replaced = app.accounts.of('session-lost');
  const gone = app.accounts.of('session-gone');
  const accounts = [...replaced, ...gone];
  if (accounts.length === 0) return [];
  // The first cell that hears of it; those after it hear the same again and again.
  const first = accounts.reduce((a, b) =>
    (b.firstSeen ?? Infinity) < (a.firstSeen ?? Infinity) ? b : a
  );
  const causes = others.filter(({ code, severity }) => CAUSES.has(code) && severity === 'error');
  if (causes.some(cause => endedBy(cause, first.firstSeen))) return [];
  const broken = brokenOff(app);
  const end = broken && driverEnds(app).find(({ exitCode }) => exitCode !== null);
  const certain = replaced.length > 0 || app.endedAt !== null || Boolean(end);
  const open = [...app.jobs.values()].filter(({ result }) => result === 'running').length;
  return [
    finding(app, {
      code: 'session-lost',
      scope: scopeOf(app, first),
      confidence: certain ? 'certain' : 'likely',
      title: certain ? 'The Spark session is gone' : 'Spark does not answer any more',
      what: certain
        ? 'the Spark session that this notebook had is gone'
        : 'Spark did not answer any more, so its session is probably gone',
      more: [
        ...(end ? [`Its driver ended with exit code ${end.exitCode}.`] : []),
        ...(broken
          ? [
              `Its log ends in the middle${open > 0 ? ` while ${plural(open, 'job')} ran` : ''}, as when a driver crashes or is killed.`
            ]
          : []),
        'Temporary views and cached tables went with it; tables that were written are there.'
      ],
      setbacks: [],
      evidence: [
        ...accounts.map(({ evidence }) => evidence),
        ...(end ? [end.evidence] : []),
        ...(broken ? [lastEvent(app)] : [])
      ],
      effects: broken && open > 0 ? [`${plural(open, 'running job')} ended with it`] : [],
      advice: [
        {
          action: 'code',
          hint: 'run-again',
          sentence:
            'Get a new session and run the cells again that make your temporary views and cached tables.'
        }
      ],
      count: accounts.reduce((sum, { count }) => sum + count, 0),
      failed: () => false,
      seen: accounts.flatMap(({ firstSeen, lastSeen }) => [firstSeen ?? [], lastSeen ?? []].flat()),
      severity: 'error'
    })
  ];
}

function scopeOf(
  app: Application,
  { cell, run }: Account
): ReturnType<Application['scopes']['get']> {
  return cell === null || run === null
    ? app.scopes.get(APPLICATION_SCOPE)
    : (app.scopes.find(cellKey(cell, run)) ?? app.scopes.get(APPLICATION_SCOPE));
}
