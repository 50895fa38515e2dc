import type { Evidence, Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import { finding } from './draft.js';
import { scopeAtEnd } from './driver-end.js';
import { oomEnd, ownPods } from './pods.js';
import { memory } from './words.js';

/** The notebook's own process was killed: its pod says so, or its cgroup counted a kill. */
export function kernelOomKilled(app: Application): Finding[] {
  const pods = ownPods(app).filter(({ role }) => role === 'kernel');
  const found = pods
    .map(({ facts }) => ({ facts, end: oomEnd(facts) }))
    .find(({ end }) => end !== null);
  const { kills, oomKills } = app.kernel;
  const kill = kills.get(oomKills);
  if (!found && !kill) return [];
  const limit = found?.facts.limits.at(found.end!.at) ?? app.kernel.limitMiB;
  const certain = found !== undefined || kernelIsGone(app);
  const evidence: Evidence[] = [
    ...(found ? [found.end!.evidence] : []),
    ...(kill ? [{ source: 'cgroup' as const, at: kill.at, quote: kill.quote, ref: kill.ref }] : [])
  ];
  return [
    finding(app, {
      code: 'kernel-oom-killed',
      scope: scopeAtEnd(app, evidence[0]!.at),
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
        {
          action: 'code',
          hint: 'collect-less',
          sentence:
            `Keep large tables in Spark and bring only what you plot into the notebook` +
            (limit === null ? '.' : `: it has ${memory(limit)} for everything in it.`)
        }
      ],
      count: Math.max(1, oomKills),
      failed: () => false,
      seen: evidence.flatMap(({ at }) => at ?? []),
      severity: 'error',
      ...(found && { pod: found.facts.name })
    })
  ];
}

function kernelIsGone(app: Application): boolean {
  return [...app.scopes].some(({ error }) =>
    /DeadKernel|kernel (?:died|is dead|was killed|has died)/i.test(
      `${error?.name ?? ''} ${error?.message ?? ''}`
    )
  );
}
