import type { Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import type { LogSignal } from '../application/log-signals.js';
import { APPLICATION_SCOPE, cellKey } from '../application/scopes.js';
import { buildFinding } from './build-finding.js';
import { logEndsWithConnection, driverEnds, endedBy, lastEvent } from './driver-exit.js';
import { plural } from './format.js';

/** Findings that explain why the session ended; the client's errors are their effects. */
const CAUSES: ReadonlySet<string> = new Set([
  'driver-oom-killed',
  'driver-heap-oom',
  'too-many-executor-failures'
]);

/**
 * The session was replaced or has ended. Certain if Spark Connect reports it; a driver that does not respond
 * may come back, unless its log or its container shows that it has exited. A log that is truncated at that
 * time belongs to the same incident.
 */
export function sessionLost(app: Application, others: readonly Finding[]): Finding[] {
  const replaced = app.logSignals.of('session-lost');
  const gone = app.logSignals.of('session-gone');
  const signals = [...replaced, ...gone];
  if (signals.length === 0) return [];
  // The first cell that noticed; later cells get the same error again.
  const first = signals.reduce((a, b) =>
    (b.firstSeen ?? Infinity) < (a.firstSeen ?? Infinity) ? b : a
  );
  const causes = others.filter(({ code, severity }) => CAUSES.has(code) && severity === 'error');
  if (causes.some(cause => endedBy(cause, first.firstSeen))) return [];
  const truncated = logEndsWithConnection(app);
  const end = truncated && driverEnds(app).find(({ exitCode }) => exitCode !== null);
  const certain = replaced.length > 0 || app.endedAt !== null || Boolean(end);
  const open = [...app.jobs.values()].filter(({ result }) => result === 'running').length;
  return [
    buildFinding(app, {
      code: 'session-lost',
      scope: scopeOf(app, first),
      confidence: certain ? 'certain' : 'likely',
      title: certain ? 'The Spark session is gone' : 'Spark stopped responding',
      what: certain
        ? 'the Spark session of this notebook is gone'
        : 'Spark stopped responding, so its session is probably gone',
      more: [
        ...(end ? [`Its driver exited with code ${end.exitCode}.`] : []),
        ...(truncated
          ? [
              `Its event log is incomplete and ends${open > 0 ? ` while ${plural(open, 'job')} ${open === 1 ? 'was' : 'were'} running` : ' abruptly'}, as after a crash or a kill of the driver.`
            ]
          : []),
        'Temporary views and cached tables are lost; tables that were written are not affected.'
      ],
      lostWork: [],
      evidence: [
        ...signals.map(({ evidence }) => evidence),
        ...(end ? [end.evidence] : []),
        ...(truncated ? [lastEvent(app)] : [])
      ],
      effects: truncated && open > 0 ? [`${plural(open, 'running job')} ended with it`] : [],
      advice: [
        {
          action: 'code',
          hint: 'run-again',
          sentence:
            'Start a new session and rerun the cells that create your temporary views and cached tables.'
        }
      ],
      count: signals.reduce((sum, { count }) => sum + count, 0),
      failed: () => false,
      seen: signals.flatMap(({ firstSeen, lastSeen }) => [firstSeen ?? [], lastSeen ?? []].flat()),
      severity: 'error'
    })
  ];
}

function scopeOf(
  app: Application,
  { cell, run }: LogSignal
): ReturnType<Application['scopes']['get']> {
  return cell === null || run === null
    ? app.scopes.get(APPLICATION_SCOPE)
    : (app.scopes.find(cellKey(cell, run)) ?? app.scopes.get(APPLICATION_SCOPE));
}
