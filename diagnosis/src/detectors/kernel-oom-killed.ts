import type { Advice, Evidence, Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import { podsOfApplication } from '../application/pod-ownership.js';
import { APPLICATION_SCOPE, cellKey, type Scope } from '../application/scopes.js';
import type { KernelDeathObservation } from '../observation.js';
import { roundUp } from './memory-advice.js';
import { buildFinding } from './build-finding.js';
import { scopeAtEnd } from './driver-exit.js';
import { oomEnd } from './container-ends.js';
import { formatMiB } from './format.js';

/** A Jupyter kernel that was OOM-killed, according to one source. */
interface Kill {
  scope: Scope;
  certain: boolean;
  limitMiB: number | null;
  evidence: Evidence[];
  pod?: string;
  count: number;
}

/** The Jupyter kernel of the notebook was OOM-killed, according to its Jupyter server, its pod or its cgroup. */
export function kernelOomKilled(app: Application): Finding[] {
  const seen = [...app.kernelDeaths.values()].flatMap(death => killBy(app, death));
  const inPod = podKills(app);
  // The Jupyter server and the pod report the same counter.
  const counted = seen.length + inPod.length > 0 ? [] : countedKills(app);
  const byScope = new Map<string, Kill[]>();
  for (const kill of [...seen, ...inPod, ...counted]) {
    byScope.set(kill.scope.key, [...(byScope.get(kill.scope.key) ?? []), kill]);
  }
  return [...byScope.values()].map(kills => killFinding(app, kills));
}

/** SIGKILL while the cgroup counted an OOM kill. */
function killBy(app: Application, death: KernelDeathObservation): Kill[] {
  const { at, exitCode, killed, limitMiB, quote, ref, cell, run } = death;
  const bySignal = exitCode === -9 || exitCode === 137;
  if (killed === 0 || !(bySignal || exitCode === null)) return [];
  const own = cell === null ? null : app.scopes.find(cellKey(cell, run));
  return [
    {
      scope: own ?? app.scopes.get(APPLICATION_SCOPE),
      certain: bySignal,
      limitMiB,
      evidence: [
        { source: 'cgroup', at, quote, ref },
        ...(bySignal
          ? [{ source: 'client' as const, at, quote: `exit code ${exitCode}`, ref: 'kernel' }]
          : [])
      ],
      count: 1
    }
  ];
}

function podKills(app: Application): Kill[] {
  return podsOfApplication(app)
    .filter(({ role }) => role === 'kernel')
    .flatMap(({ facts }) => {
      const end = oomEnd(facts);
      if (!end) return [];
      const { name } = facts;
      const limitMiB = facts.limits.at(end.at);
      const evidence = [end.evidence];
      const scope = scopeAtEnd(app, end.at);
      return [{ scope, certain: true, limitMiB, evidence, pod: name, count: 1 }];
    })
    .slice(0, 1);
}

function countedKills(app: Application): Kill[] {
  const { kills, oomKills, limitMiB } = app.kernel;
  const kill = kills.get(oomKills);
  if (!kill) return [];
  const { at, quote, ref } = kill;
  const evidence: Evidence[] = [{ source: 'cgroup', at, quote, ref }];
  const certain = kernelIsGone(app);
  const scope = scopeAtEnd(app, at);
  return [{ scope, certain, limitMiB, evidence, count: oomKills }];
}

function killFinding(app: Application, kills: readonly Kill[]): Finding {
  const { scope } = kills[0]!;
  const certain = kills.some(kill => kill.certain);
  const limits = kills.flatMap(({ limitMiB }) => limitMiB ?? []);
  const limit = limits.length === 0 ? null : Math.max(...limits);
  const evidence = kills.flatMap(kill => kill.evidence);
  const pod = kills.find(kill => kill.pod !== undefined)?.pod;
  return buildFinding(app, {
    code: 'kernel-oom-killed',
    scope,
    confidence: certain ? 'certain' : 'likely',
    title: `The notebook kernel was killed${certain ? '' : ', probably'} for lack of memory`,
    what:
      `the Linux OOM killer killed ${certain ? 'the kernel process of the notebook' : 'a process of the notebook, probably its kernel'}` +
      (limit === null ? '' : ` (limit ${formatMiB(limit)})`),
    more: ['All variables of the notebook are lost; Spark was not the cause.'],
    lostWork: [],
    evidence,
    effects: [],
    advice: [
      ...(limit === null ? [] : [moreForNotebook(limit)]),
      {
        action: 'code',
        hint: 'collect-less',
        sentence:
          `Keep large tables in Spark and collect only what you plot` +
          (limit === null ? '.' : `: the notebook has ${formatMiB(limit)} in total.`)
      }
    ],
    count: kills.reduce((sum, { count }) => sum + count, 0),
    failed: () => false,
    seen: evidence.flatMap(({ at }) => at ?? []),
    severity: 'error',
    ...(pod !== undefined && { pod })
  });
}

/** How much more is needed is unknown, so the next step is twice as much. */
function moreForNotebook(limitMiB: number): Advice {
  const memoryMiB = roundUp(2 * limitMiB);
  return {
    action: 'notebook-memory',
    memoryMiB,
    sentence: `Request ${formatMiB(memoryMiB)} for the notebook instead of ${formatMiB(limitMiB)}.`
  };
}

function kernelIsGone(app: Application): boolean {
  return [...app.scopes].some(({ error }) =>
    /DeadKernel|kernel (?:died|is dead|was killed|has died)/i.test(
      `${error?.name ?? ''} ${error?.message ?? ''}`
    )
  );
}
