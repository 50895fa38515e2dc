import type { Confidence, Evidence, Finding } from '@aglais/protocol';
import type { LogSignal } from '../application/log-signals.js';
import type { Application } from '../application/application.js';
import { podsOfApplication } from '../application/pod-ownership.js';
import type { PodFacts } from '../application/pod-facts.js';
import { APPLICATION_SCOPE, cellKey, type Scope } from '../application/scopes.js';
import type { ContainerEnd } from '../observation.js';
import { isMaster } from '../evidence/yarn-reports.js';
import { oomEnd, unexpectedEnd } from './container-ends.js';
import { verdictFromReason } from './removal-reasons.js';
import { plural } from './format.js';

/** Messages of Spark Connect after the driver was replaced. */
const RESTARTED = /SESSION_CHANGED|driver instance has restarted/;

/** How the driver exited, according to its container, YARN or its cgroup. */
export interface DriverEnd {
  exitCode: number | null;
  oom: Confidence | null;
  at: number | null;
  evidence: Evidence;
  pod: PodFacts | null;
  limitMiB: number | null;
}

/** Everything that is known about the driver's exit. */
export function driverEnds(app: Application): DriverEnd[] {
  const ends: DriverEnd[] = [];
  for (const { facts, role } of podsOfApplication(app)) {
    if (role !== 'driver') continue;
    const oom = oomEnd(facts);
    const end = oom ?? unexpectedEnd(facts);
    if (!end) continue;
    ends.push({
      exitCode: end.exitCode,
      oom: oom ? 'certain' : killed(app, end),
      at: end.at,
      evidence: end.evidence,
      pod: facts,
      limitMiB: facts.limits.at(end.at)
    });
  }
  ends.push(...masterEnds(app));
  const { kills, oomKills } = app.driver;
  const kill = kills.get(oomKills);
  // A kill in the driver's cgroup hit the driver, unless the driver is still alive.
  if (kill && app.endedAt === null && (app.logEnded || connectionErrors(app).length > 0)) {
    const evidence: Evidence = { source: 'cgroup', at: kill.at, quote: kill.quote, ref: kill.ref };
    ends.push({
      exitCode: null,
      oom: 'certain',
      at: kill.at,
      evidence,
      pod: null,
      limitMiB: kill.limitMiB
    });
  }
  return ends;
}

/**
 * SIGKILL without a reason from the kubelet, before the application ended: usually memory, of the
 * container or of the whole node; less likely if the kubelet gives another reason.
 */
function killed(app: Application, { exitCode, reason }: ContainerEnd): Confidence | null {
  if (exitCode !== 137 || app.endedAt !== null) return null;
  return reason === null ? 'likely' : 'possible';
}

/** In YARN's cluster mode the ApplicationMaster is the driver. */
function masterEnds(app: Application): DriverEnd[] {
  if (app.conf['spark.submit.deployMode'] !== 'cluster') return [];
  const impact = { anyWork: true, runningTasks: true, onKubernetes: false };
  return [...app.logSignals.yarn.values()].flatMap(report => {
    const { application, container, diagnostics, at, ref } = report;
    if (application !== null && app.id !== null && application !== app.id) return [];
    const about = container ?? /container_\w+/.exec(diagnostics)?.[0] ?? null;
    if (about === null ? !/AM Container/.test(diagnostics) : !isMaster(about)) return [];
    const verdict = verdictFromReason(diagnostics, impact);
    const exit = /exit ?(?:code|status): ?(-?\d+)/i.exec(diagnostics)?.[1];
    return [
      {
        exitCode: exit === undefined ? null : Number(exit),
        oom: verdict?.code === 'executor-oom-killed' ? verdict.confidence : null,
        at,
        evidence: { source: 'container', at, quote: diagnostics, ref } satisfies Evidence,
        pod: null,
        limitMiB: verdict?.limitMiB ?? null
      }
    ];
  });
}

/** Timestamps of the kubelet have a resolution of one second, ms. */
const CLOCK_MS = 1_000;

/**
 * The scope that was running when the driver exited, if there was only one; otherwise the first cell whose
 * client lost the connection; otherwise the application.
 * @param at when the driver exited, ms since the epoch; null if unknown
 */
export function scopeAtEnd(app: Application, at: number | null): Scope {
  const all = [...app.scopes].filter(({ key }) => key !== APPLICATION_SCOPE);
  const working = all.filter(scope => scope.openJobs.size > 0 || wasRunning(scope, at));
  if (working.length === 1) return working[0]!;
  if (working.length === 0) {
    // The driver also works for a query between its jobs: it plans and builds broadcasts.
    const querying = app.sql.runningScopes();
    const candidates = all.filter(({ key }) => querying.has(key));
    if (candidates.length === 1) return candidates[0]!;
  }
  const first = connectionSignals(app)
    .filter(({ cell, run }) => cell !== null && run !== null)
    .sort((a, b) => (a.firstSeen ?? Infinity) - (b.firstSeen ?? Infinity))[0];
  const key = first ? cellKey(first.cell!, first.run) : APPLICATION_SCOPE;
  return app.scopes.find(key) ?? app.scopes.get(APPLICATION_SCOPE);
}

/** A cell may notice the exit much later and end only then. */
function wasRunning({ outcome, startedAt, endedAt }: Scope, at: number | null): boolean {
  if (outcome === 'running') return true;
  if (at === null || startedAt === null || endedAt === null) return false;
  return startedAt <= at + CLOCK_MS && endedAt >= at;
}

/** The errors that clients got when the driver was gone. */
export function connectionErrors(app: Application): Evidence[] {
  return connectionSignals(app).map(({ evidence }) => evidence);
}

function connectionSignals(app: Application): LogSignal[] {
  return [...app.logSignals.of('session-gone'), ...app.logSignals.of('session-lost')];
}

/** The log was read to its end but has no end of the application. */
export function isTruncated(app: Application): boolean {
  return app.logEnded && app.endedAt === null && app.events > 0;
}

/** The last event of the log. */
export function lastEvent(app: Application): Evidence {
  const { event, ref } = app.last;
  return { source: 'eventlog', at: app.now, quote: `"Event":"${event}"`, ref };
}

/** Spark may keep logging this long after clients lost the connection, ms. */
const SAME_END_MS = 30_000;

/**
 * Whether the log is truncated at the time at which clients lost the connection or the driver was replaced. If it
 * continues for longer, the driver was still alive, and its end is another incident.
 */
export function logEndsWithConnection(app: Application): boolean {
  return (
    isTruncated(app) &&
    connectionSignals(app)
      .filter(({ kind, evidence }) => kind === 'session-gone' || RESTARTED.test(evidence.quote))
      .some(({ lastSeen }) => lastSeen === null || app.now <= lastSeen + SAME_END_MS)
  );
}

const SESSION_ENDED = 'the session ended with it';
/** A driver with a full heap can take this long to exit, ms. */
const DYING_MS = 5 * 60_000;

/** Whether a driver finding explains an end of the session that was noticed at a time; a driver may recover from a full heap. */
export function endedBy({ effects, lastSeen }: Finding, noticedAt: number | null): boolean {
  if (effects.includes(SESSION_ENDED) || noticedAt === null) return true;
  return noticedAt <= lastSeen + DYING_MS;
}

/** What was lost with the driver. */
export function effectsOfDriverEnd(app: Application): string[] {
  const open = [...app.scopes].reduce((sum, { openJobs }) => sum + openJobs.size, 0);
  return [...(open > 0 ? [`${plural(open, 'running job')} ended with it`] : []), SESSION_ENDED];
}
