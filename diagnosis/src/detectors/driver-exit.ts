import type { Confidence, Evidence, Finding } from '@aglais/protocol';
import type { Account } from '../application/log-signals.js';
import type { Application } from '../application/application.js';
import { ownPods } from '../application/pod-ownership.js';
import type { PodFacts } from '../application/pod-facts.js';
import { APPLICATION_SCOPE, cellKey, type Scope } from '../application/scopes.js';
import type { ContainerEnd } from '../observation.js';
import { isMaster } from '../evidence/yarn-reports.js';
import { oomEnd, unaskedEnd } from './container-ends.js';
import { judge } from './removal-reasons.js';
import { plural } from './format.js';

/** Spark Connect's words when another driver took the place of this one. */
const RESTARTED = /SESSION_CHANGED|driver instance has restarted/;

/** How the driver ended, by its container, YARN or its cgroup. */
export interface DriverEnd {
  exitCode: number | null;
  oom: Confidence | null;
  at: number | null;
  evidence: Evidence;
  pod: PodFacts | null;
  limitMiB: number | null;
}

/** All that says how the driver ended. */
export function driverEnds(app: Application): DriverEnd[] {
  const ends: DriverEnd[] = [];
  for (const { facts, role } of ownPods(app)) {
    if (role !== 'driver') continue;
    const oom = oomEnd(facts);
    const end = oom ?? unaskedEnd(facts);
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
  // A kill in the driver's cgroup is the driver's unless it goes on living.
  if (kill && app.endedAt === null && (app.over || goneFor(app).length > 0)) {
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
 * SIGKILL without the kubelet's word, and the application could not say good-bye: mostly memory, of
 * the container or of the whole node; less so if the kubelet gives another reason.
 */
function killed(app: Application, { exitCode, reason }: ContainerEnd): Confidence | null {
  if (exitCode !== 137 || app.endedAt !== null) return null;
  return reason === null ? 'likely' : 'possible';
}

/** In YARN's cluster mode the ApplicationMaster is the driver. */
function masterEnds(app: Application): DriverEnd[] {
  if (app.conf['spark.submit.deployMode'] !== 'cluster') return [];
  const harm = { any: true, tasks: true, kubernetes: false };
  return [...app.accounts.yarn.values()].flatMap(said => {
    const { application, container, diagnostics, at, ref } = said;
    if (application !== null && app.id !== null && application !== app.id) return [];
    const about = container ?? /container_\w+/.exec(diagnostics)?.[0] ?? null;
    if (about === null ? !/AM Container/.test(diagnostics) : !isMaster(about)) return [];
    const verdict = judge(diagnostics, harm);
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

/** The kubelet tells whole seconds, ms. */
const CLOCK_MS = 1_000;

/**
 * The cell that was at work when it all ended, if it was only one, or that heard of it first; else nobody's.
 * @param at when that was, ms; null if nobody says it
 */
export function scopeAtEnd(app: Application, at: number | null): Scope {
  const all = [...app.scopes].filter(({ key }) => key !== APPLICATION_SCOPE);
  const working = all.filter(scope => scope.openJobs.size > 0 || isAtWork(scope, at));
  if (working.length === 1) return working[0]!;
  if (working.length === 0) {
    // The driver works for a query between its jobs, too: it plans, and makes tables for broadcasts.
    const querying = app.sql.atWork();
    const alone = all.filter(({ key }) => querying.has(key));
    if (alone.length === 1) return alone[0]!;
  }
  const heard = goneAccounts(app)
    .filter(({ cell, run }) => cell !== null && run !== null)
    .sort((a, b) => (a.firstSeen ?? Infinity) - (b.firstSeen ?? Infinity))[0];
  const key = heard ? cellKey(heard.cell!, heard.run) : APPLICATION_SCOPE;
  return app.scopes.find(key) ?? app.scopes.get(APPLICATION_SCOPE);
}

/** A cell may hear of the end much later, and ends only then. */
function isAtWork({ outcome, startedAt, endedAt }: Scope, at: number | null): boolean {
  if (outcome === 'running') return true;
  if (at === null || startedAt === null || endedAt === null) return false;
  return startedAt <= at + CLOCK_MS && endedAt >= at;
}

/** What the client heard when the driver was gone. */
export function goneFor(app: Application): Evidence[] {
  return goneAccounts(app).map(({ evidence }) => evidence);
}

function goneAccounts(app: Application): Account[] {
  return [...app.accounts.of('session-gone'), ...app.accounts.of('session-lost')];
}

/** The log was read to its end, and the application's end is not in it. */
export function isCutOff(app: Application): boolean {
  return app.over && app.endedAt === null && app.events > 0;
}

/** Where it ends. */
export function lastEvent(app: Application): Evidence {
  const { event, ref } = app.last;
  return { source: 'eventlog', at: app.now, quote: `"Event":"${event}"`, ref };
}

/** Spark goes on logging for so long while its client already gets no answer, ms. */
const SAME_END_MS = 30_000;

/**
 * Whether the log of a driver that did not answer any more, or was replaced, breaks off then. One that goes
 * on for longer is of a driver that lived: its end is another matter.
 */
export function brokenOff(app: Application): boolean {
  return (
    isCutOff(app) &&
    goneAccounts(app)
      .filter(({ claim, evidence }) => claim === 'session-gone' || RESTARTED.test(evidence.quote))
      .some(({ lastSeen }) => lastSeen === null || app.now <= lastSeen + SAME_END_MS)
  );
}

const SESSION_ENDED = 'the session ended with it';
/** A driver that lives on with a full heap can take so long to die of it, ms. */
const DYING_MS = 5 * 60_000;

/** Whether what is told of a driver was its end, if that was noticed at a time: a full heap may pass. */
export function endedBy({ effects, lastSeen }: Finding, noticedAt: number | null): boolean {
  if (effects.includes(SESSION_ENDED) || noticedAt === null) return true;
  return noticedAt <= lastSeen + DYING_MS;
}

/** What went with the driver. */
export function lostWork(app: Application): string[] {
  const open = [...app.scopes].reduce((sum, { openJobs }) => sum + openJobs.size, 0);
  return [...(open > 0 ? [`${plural(open, 'running job')} ended with it`] : []), SESSION_ENDED];
}
