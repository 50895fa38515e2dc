import type { Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import type { Setback } from '../application/setbacks.js';
import { executorLost } from './executors.js';
import { explain } from './incidents.js';
import { executorHeapOom, executorOomKilled } from './memory.js';
import { slow } from './performance/slow.js';
import { pythonWorkerDied } from './python.js';
import { resultTooLarge } from './results.js';
import { shuffleFetchFailed, stageRecomputed } from './shuffle.js';
import { taskRetries } from './tasks.js';

const INCIDENT = {
  'executor-oom-killed': executorOomKilled,
  'executor-heap-oom': executorHeapOom,
  'executor-lost': executorLost
};

const WORST = ['error', 'warning', 'info'];

/**
 * Everything that can be concluded from what was observed so far, the worst first. A pure function
 * of the application; causes come before effects, and what a cause explains is not reported again.
 */
export function detect(app: Application): Finding[] {
  const { incidents, unexplained } = explain(app);
  const findings = incidents.map(incident => INCIDENT[incident.code](app, incident));
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

    const retried = of('failed', 'lost', ...(limited ? [] : (['memory-error'] as const)));
    if (retried.some(succeeded)) findings.push(taskRetries(app, retried.filter(succeeded)));
  }
  findings.push(...resultTooLarge(app));
  findings.push(...slow(app, findings));
  return findings.sort(
    (a, b) =>
      WORST.indexOf(a.severity) - WORST.indexOf(b.severity) ||
      a.firstSeen - b.firstSeen ||
      (a.id < b.id ? -1 : 1)
  );
}

function byScope(setbacks: readonly Setback[]): Setback[][] {
  const groups = new Map<string, Setback[]>();
  for (const setback of setbacks) {
    groups.set(setback.scope, [...(groups.get(setback.scope) ?? []), setback]);
  }
  return [...groups.values()];
}
