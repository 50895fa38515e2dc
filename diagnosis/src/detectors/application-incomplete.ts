import type { Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import { APPLICATION_SCOPE } from '../application/scopes.js';
import { buildFinding } from './build-finding.js';
import {
  logEndsWithConnection,
  driverEnds,
  endedBy,
  isTruncated,
  lastEvent
} from './driver-exit.js';
import { plural } from './format.js';

/** Findings that explain why the log is truncated. */
const CAUSES: ReadonlySet<string> = new Set(['driver-oom-killed', 'too-many-executor-failures']);

/**
 * The log was read to its end but has no end of the application: it was copied while the application
 * was running, it was truncated, or the driver was killed. Never reported for a log that is being followed.
 */
export function applicationIncomplete(app: Application, others: readonly Finding[]): Finding[] {
  if (!isTruncated(app)) return [];
  if (others.some(({ code }) => CAUSES.has(code))) return [];
  // The session-lost finding already mentions the truncated log.
  const lost = others.some(({ code }) => code === 'session-lost');
  if (lost && logEndsWithConnection(app)) return [];
  const end = driverEnds(app).find(({ exitCode }) => exitCode !== null);
  const heap = others.find(({ code }) => code === 'driver-heap-oom');
  if (heap && (end || (heap.severity === 'error' && endedBy(heap, app.now)))) return [];
  const open = [...app.jobs.values()].filter(({ result }) => result === 'running');
  const hasRunningJobs = open.length > 0;
  return [
    buildFinding(app, {
      code: 'application-incomplete',
      scope: app.scopes.get(APPLICATION_SCOPE),
      confidence: 'certain',
      title: 'The event log is incomplete',
      what:
        (end
          ? `the driver exited with code ${end.exitCode} before the application ended`
          : 'the event log has no end of the application: it was copied while the application was running, it was truncated, or the driver was killed') +
        (hasRunningJobs
          ? ` while ${plural(open.length, 'job')} ${open.length === 1 ? 'was' : 'were'} running`
          : ''),
      more: ['What happened after its last line is unknown.'],
      lostWork: [],
      evidence: [...(end ? [end.evidence] : []), lastEvent(app)],
      effects: [],
      advice: end
        ? []
        : [
            {
              action: 'code',
              hint: 'more-evidence',
              sentence:
                'If the application has ended, check how its driver exited: see the status of its container or the end of its own log.'
            }
          ],
      count: 1,
      failed: () => false,
      seen: [app.now],
      severity: end ? 'error' : hasRunningJobs ? 'warning' : 'info'
    })
  ];
}
