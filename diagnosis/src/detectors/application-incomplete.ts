import type { Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import { APPLICATION_SCOPE } from '../application/scopes.js';
import { finding } from './build-finding.js';
import { brokenOff, driverEnds, endedBy, isCutOff, lastEvent } from './driver-exit.js';
import { plural } from './format.js';

/** Findings that say how the application ended: then its log had to break off. */
const CAUSES: ReadonlySet<string> = new Set(['driver-oom-killed', 'too-many-executor-failures']);

/**
 * The log was read to its end, and the application's end is not in it: it was copied while the
 * application ran, cut off, or its driver was killed. Of a log that is being followed nothing is said.
 */
export function applicationIncomplete(app: Application, others: readonly Finding[]): Finding[] {
  if (!isCutOff(app)) return [];
  if (others.some(({ code }) => CAUSES.has(code))) return [];
  // Whoever is told that Spark did not answer any more is told of the log, too.
  const lost = others.some(({ code }) => code === 'session-lost');
  if (lost && brokenOff(app)) return [];
  const end = driverEnds(app).find(({ exitCode }) => exitCode !== null);
  const heap = others.find(({ code }) => code === 'driver-heap-oom');
  if (heap && (end || (heap.severity === 'error' && endedBy(heap, app.now)))) return [];
  const open = [...app.jobs.values()].filter(({ result }) => result === 'running');
  const working = open.length > 0;
  return [
    finding(app, {
      code: 'application-incomplete',
      scope: app.scopes.get(APPLICATION_SCOPE),
      confidence: 'certain',
      title: 'The log ends in the middle',
      what:
        (end
          ? `the driver ended with exit code ${end.exitCode} before the application did`
          : 'the log has no end of the application: it was copied while the application ran, cut off, or the driver was killed') +
        (working ? ` while ${plural(open.length, 'job')} ran` : ''),
      more: ['What happened after its last line is not known.'],
      setbacks: [],
      evidence: [...(end ? [end.evidence] : []), lastEvent(app)],
      effects: [],
      advice: end
        ? []
        : [
            {
              action: 'code',
              hint: 'more-evidence',
              sentence:
                'If the application is over, look at how its driver ended: the status of its container or the end of its own log says it.'
            }
          ],
      count: 1,
      failed: () => false,
      seen: [app.now],
      severity: end ? 'error' : working ? 'warning' : 'info'
    })
  ];
}
