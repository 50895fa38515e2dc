import type { Advice, Evidence, Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import { ownPods } from '../application/pod-ownership.js';
import { APPLICATION_SCOPE, cellKey, type Scope } from '../application/scopes.js';
import type { KernelDeathObservation } from '../observation.js';
import { roundUp } from './memory-advice.js';
import { finding } from './build-finding.js';
import { scopeAtEnd } from './driver-exit.js';
import { oomEnd } from './container-ends.js';
import { memory } from './format.js';

/** A kernel that was killed for memory, by one witness of it. */
interface Kill {
  scope: Scope;
  certain: boolean;
  limitMiB: number | null;
  evidence: Evidence[];
  pod?: string;
  count: number;
}

/** The notebook's own process was killed: its Jupyter Server saw it, its pod says so, or its cgroup counted a kill. */
export function kernelOomKilled(app: Application): Finding[] {
  const seen = [...app.kernelDeaths.values()].flatMap(death => killBy(app, death));
  const inPod = podKills(app);
  // The same counter: a reading of it says nothing that the Jupyter Server has not said.
  const counted = seen.length + inPod.length > 0 ? [] : countedKills(app);
  const byScope = new Map<string, Kill[]>();
  for (const kill of [...seen, ...inPod, ...counted]) {
    byScope.set(kill.scope.key, [...(byScope.get(kill.scope.key) ?? []), kill]);
  }
  return [...byScope.values()].map(kills => tell(app, kills));
}

/** SIGKILL and a kill that the kernel counted meanwhile: nobody else sends one just then. */
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
  return ownPods(app)
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

function tell(app: Application, kills: readonly Kill[]): Finding {
  const { scope } = kills[0]!;
  const certain = kills.some(kill => kill.certain);
  const limits = kills.flatMap(({ limitMiB }) => limitMiB ?? []);
  const limit = limits.length === 0 ? null : Math.max(...limits);
  const evidence = kills.flatMap(kill => kill.evidence);
  const pod = kills.find(kill => kill.pod !== undefined)?.pod;
  return finding(app, {
    code: 'kernel-oom-killed',
    scope,
    confidence: certain ? 'certain' : 'likely',
    title: `The notebook's kernel was killed${certain ? '' : ', probably'} for lack of memory`,
    what:
      `the kernel's out-of-memory killer killed ${certain ? "the notebook's own process" : 'a process of the notebook, probably its kernel'}` +
      (limit === null ? '' : ` (limit ${memory(limit)})`),
    more: ['All variables of the notebook are gone with it; Spark itself was not the cause.'],
    setbacks: [],
    evidence,
    effects: [],
    advice: [
      ...(limit === null ? [] : [moreForNotebook(limit)]),
      {
        action: 'code',
        hint: 'collect-less',
        sentence:
          `Keep large tables in Spark and bring only what you plot into the notebook` +
          (limit === null ? '.' : `: it has ${memory(limit)} for everything in it.`)
      }
    ],
    count: kills.reduce((sum, { count }) => sum + count, 0),
    failed: () => false,
    seen: evidence.flatMap(({ at }) => at ?? []),
    severity: 'error',
    ...(pod !== undefined && { pod })
  });
}

/** How much more it wanted nobody knows, so the next step is twice as much. */
function moreForNotebook(limitMiB: number): Advice {
  const memoryMiB = roundUp(2 * limitMiB);
  return {
    action: 'notebook-memory',
    memoryMiB,
    sentence: `Ask for ${memory(memoryMiB)} for the notebook in place of ${memory(limitMiB)}.`
  };
}

function kernelIsGone(app: Application): boolean {
  return [...app.scopes].some(({ error }) =>
    /DeadKernel|kernel (?:died|is dead|was killed|has died)/i.test(
      `${error?.name ?? ''} ${error?.message ?? ''}`
    )
  );
}
