import type { Confidence, Evidence } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import type { PodFacts } from '../application/pods.js';
import { APPLICATION_SCOPE, type Scope } from '../application/scopes.js';
import type { ContainerEnd } from '../observation.js';
import { isMaster } from '../evidence/yarn.js';
import { oomEnd, ownPods, unaskedEnd } from './pods.js';
import { judge } from './reasons.js';

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
      limitMiB: facts.limitMiB
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

/** The cell that was at work when it all ended, if it was only one; else nobody's. */
export function scopeAtEnd(app: Application): Scope {
  const working = [...app.scopes].filter(
    scope =>
      scope.key !== APPLICATION_SCOPE && (scope.openJobs.size > 0 || scope.outcome === 'running')
  );
  return working.length === 1 ? working[0]! : app.scopes.get(APPLICATION_SCOPE);
}

/** What the client heard when the driver was gone. */
export function goneFor(app: Application): Evidence[] {
  return ['session-gone' as const, 'session-lost' as const]
    .flatMap(claim => app.accounts.of(claim))
    .map(({ evidence }) => evidence);
}
