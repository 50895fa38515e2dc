import type { Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import type { Setback } from '../application/lost-work.js';
import { broadcastTooLarge } from './broadcast-too-large.js';
import { joinCrashLoop, ofUnmet } from './executor-crash-loop.js';
import { diskFull, diskFullByLogs } from './disk-full.js';
import { driverFindings } from './driver-oom-killed.js';
import { executorGone } from './executor-lost.js';
import { explain, type Explained } from './executor-incidents.js';
import { applicationIncomplete } from './application-incomplete.js';
import { kernelOomKilled } from './kernel-oom-killed.js';
import { executorHeapOom, executorOomKilled } from './executor-oom-killed.js';
import { clusterPending } from './cluster-pending.js';
import { slow } from './performance/detect-slow-work.js';
import { childKilled, pythonWorkerDied } from './python-worker-died.js';
import { resultTooLarge } from './result-too-large.js';
import { nondeterministicRetryRisk } from './nondeterministic-retry-risk.js';
import { sessionLost } from './session-lost.js';
import { shareUnavailable } from './share-unavailable.js';
import { shuffleFetchFailed, stageRecomputed } from './shuffle-fetch-failed.js';
import { startupFindings } from './mount-failed.js';
import { taskFailed, taskRetries } from './task-failed.js';
import { apart } from './unique-titles.js';

const INCIDENT = {
  'executor-oom-killed': executorOomKilled,
  'executor-heap-oom': executorHeapOom,
  'executor-lost': executorGone,
  'executor-heartbeat-timeout': executorGone,
  'executor-evicted': executorGone,
  'executor-preempted': executorGone,
  'disk-full': diskFull
};

const WORST = ['error', 'warning', 'info'];

/**
 * Everything that can be concluded from what was observed so far, the worst first. A pure function
 * of the application; causes come before effects, and what a cause explains is not reported again.
 */
export function detect(app: Application): Finding[] {
  const explained = explain(app);
  let findings = [
    ...explained.incidents.map(incident =>
      ofUnmet(incident, INCIDENT[incident.code](app, incident))
    ),
    ...ofScopes(app, explained),
    ...resultTooLarge(app),
    ...driverFindings(app, explained.unexplained),
    ...kernelOomKilled(app),
    ...broadcastTooLarge(app),
    ...nondeterministicRetryRisk(app),
    ...shareUnavailable(app, explained.unexplained),
    ...startupFindings(app)
  ];
  if (!findings.some(({ code }) => code === 'disk-full' || code === 'executor-evicted')) {
    findings.push(...diskFullByLogs(app));
  }
  // A pod that cannot start needs no room, either.
  if (!findings.some(({ code }) => code === 'mount-failed' || code === 'image-failed')) {
    findings = joinCrashLoop(app, findings, clusterPending(app));
  }
  findings.push(...taskFailed(app, explained.unexplained, findings));
  findings.push(...slow(app, findings));
  findings.push(...sessionLost(app, findings));
  findings.push(...applicationIncomplete(app, findings));
  return apart(findings).sort(
    (a, b) =>
      WORST.indexOf(a.severity) - WORST.indexOf(b.severity) ||
      a.firstSeen - b.firstSeen ||
      (a.id < b.id ? -1 : 1)
  );
}

/** What no lost executor explains, for each scope by itself. */
function ofScopes(app: Application, { incidents, unexplained }: Explained): Finding[] {
  const findings: Finding[] = [];
  for (const setbacks of byScope(unexplained)) {
    const of = (...kinds: Setback['kind'][]): Setback[] =>
      setbacks.filter(({ kind }) => kinds.includes(kind));
    const succeeded = ({ jobs }: Setback): boolean =>
      [...jobs].some(id => app.jobs.get(id)?.result === 'succeeded');

    const limited = app.granted.pysparkMiB !== null;
    const python = of('crash', ...(limited ? (['memory-error'] as const) : []));
    if (python.length > 0) findings.push(pythonWorkerDied(app, python, incidents));

    const repeated = of('undone', 'rerun');
    if (of('fetch').length > 0) {
      findings.push(shuffleFetchFailed(app, [...of('fetch'), ...repeated]));
    } else if (repeated.some(succeeded)) {
      findings.push(stageRecomputed(app, repeated.filter(succeeded)));
    }

    const driver = app.accounts.of('heap-oom', 'driver').length > 0;
    const retried = of(
      'failed',
      'lost',
      ...(driver ? [] : (['result-lost'] as const)),
      ...(limited ? [] : (['memory-error'] as const))
    );
    if (retried.some(succeeded)) findings.push(taskRetries(app, retried.filter(succeeded)));
  }
  findings.push(...childKilled(app, incidents, findings));
  return findings;
}

function byScope(setbacks: readonly Setback[]): Setback[][] {
  const groups = new Map<string, Setback[]>();
  for (const setback of setbacks) {
    groups.set(setback.scope, [...(groups.get(setback.scope) ?? []), setback]);
  }
  return [...groups.values()];
}
