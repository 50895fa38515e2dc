import type { Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import type { LostWork } from '../application/lost-work.js';
import { broadcastTooLarge } from './broadcast-too-large.js';
import { joinCrashLoop, describeNeverRegistered } from './executor-crash-loop.js';
import { diskFull, diskFullByLogs } from './disk-full.js';
import { driverFindings } from './driver-oom-killed.js';
import { executorLost } from './executor-lost.js';
import { explainLosses, type Explained } from './executor-incidents.js';
import { applicationIncomplete } from './application-incomplete.js';
import { kernelOomKilled } from './kernel-oom-killed.js';
import { executorOomKilled } from './executor-oom-killed.js';
import { executorHeapOom } from './executor-heap-oom.js';
import { clusterPending } from './cluster-pending.js';
import { detectSlowWork } from './performance/detect-slow-work.js';
import { childKilled, pythonWorkerDied } from './python-worker-died.js';
import { resultTooLarge } from './result-too-large.js';
import { nondeterministicRetryRisk } from './nondeterministic-retry-risk.js';
import { sessionLost } from './session-lost.js';
import { shareUnavailable } from './share-unavailable.js';
import { shuffleFetchFailed } from './shuffle-fetch-failed.js';
import { stageRecomputed } from './stage-recomputed.js';
import { startupFindings } from './pod-startup.js';
import { taskFailed } from './task-failed.js';
import { taskRetries } from './task-retries.js';
import { distinctTitles } from './unique-titles.js';

const INCIDENT = {
  'executor-oom-killed': executorOomKilled,
  'executor-heap-oom': executorHeapOom,
  'executor-lost': executorLost,
  'executor-heartbeat-timeout': executorLost,
  'executor-evicted': executorLost,
  'executor-preempted': executorLost,
  'disk-full': diskFull
};

const SEVERITY_ORDER = ['error', 'warning', 'info'];

/**
 * All findings that follow from the observations so far, the most severe first. A pure function of the
 * application. Causes come before effects; what a cause explains is not reported again.
 */
export function detect(app: Application): Finding[] {
  const explained = explainLosses(app);
  let findings = [
    ...explained.incidents.map(incident =>
      describeNeverRegistered(incident, INCIDENT[incident.code](app, incident))
    ),
    ...findingsByScope(app, explained),
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
  // A pod that cannot start does not need capacity, either.
  if (!findings.some(({ code }) => code === 'mount-failed' || code === 'image-failed')) {
    findings = joinCrashLoop(app, findings, clusterPending(app));
  }
  findings.push(...taskFailed(app, explained.unexplained, findings));
  findings.push(...detectSlowWork(app, findings));
  findings.push(...sessionLost(app, findings));
  findings.push(...applicationIncomplete(app, findings));
  return distinctTitles(findings).sort(
    (a, b) =>
      SEVERITY_ORDER.indexOf(a.severity) - SEVERITY_ORDER.indexOf(b.severity) ||
      a.firstSeen - b.firstSeen ||
      (a.id < b.id ? -1 : 1)
  );
}

/** Findings per scope about lost work that no lost executor explains. */
function findingsByScope(app: Application, { incidents, unexplained }: Explained): Finding[] {
  const findings: Finding[] = [];
  for (const lostWork of byScope(unexplained)) {
    const ofKinds = (...kinds: LostWork['kind'][]): LostWork[] =>
      lostWork.filter(({ kind }) => kinds.includes(kind));
    const succeeded = ({ jobs }: LostWork): boolean =>
      [...jobs].some(id => app.jobs.get(id)?.result === 'succeeded');

    const limited = app.granted.pysparkMiB !== null;
    const python = ofKinds('crash', ...(limited ? (['memory-error'] as const) : []));
    if (python.length > 0) findings.push(pythonWorkerDied(app, python, incidents));

    const repeated = ofKinds('resubmitted', 'rerun');
    if (ofKinds('fetch').length > 0) {
      findings.push(shuffleFetchFailed(app, [...ofKinds('fetch'), ...repeated]));
    } else if (repeated.some(succeeded)) {
      findings.push(stageRecomputed(app, repeated.filter(succeeded)));
    }

    const driver = app.logSignals.of('heap-oom', 'driver').length > 0;
    const retried = ofKinds(
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

function byScope(lostWork: readonly LostWork[]): LostWork[][] {
  const groups = new Map<string, LostWork[]>();
  for (const entry of lostWork) {
    groups.set(entry.scope, [...(groups.get(entry.scope) ?? []), entry]);
  }
  return [...groups.values()];
}
