import type { Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import { APPLICATION_SCOPE } from '../application/scopes.js';
import type { Setback } from '../application/setbacks.js';
import { SHARE_GONE } from '../eventlog/task-outcome.js';
import { finding } from './draft.js';
import { queriesFailedBy } from './queries.js';
import { inOrder, named, plural } from './words.js';

/** Catalogues that stopped answering: by their health probe, or by tasks that read from them. */
export function shareUnavailable(app: Application, unexplained: readonly Setback[]): Finding[] {
  const probes = [...app.accounts.shares.values()].filter(({ available }) => !available);
  const failures = unexplained.filter(({ kind }) => kind === 'share');
  const queries = queriesFailedBy(app, SHARE_GONE);
  const scopes = new Set([...failures, ...queries].map(({ scope }) => scope));
  if (scopes.size === 0 && probes.length > 0) scopes.add(APPLICATION_SCOPE);
  return [...scopes].map(key => {
    const setbacks = failures.filter(({ scope }) => scope === key);
    const own = queries.filter(({ scope }) => scope === key);
    const names = inOrder(new Set(probes.map(({ share }) => share)));
    const tasks = setbacks.reduce((sum, { count }) => sum + count, 0);
    const which = names.length === 0 ? 'a mounted catalogue' : named('catalogue', names);
    return finding(app, {
      code: 'share-unavailable',
      scope: app.scopes.get(key),
      confidence: 'certain',
      title: `${which.charAt(0).toUpperCase()}${which.slice(1)} stopped answering`,
      what:
        tasks > 0
          ? `${plural(tasks, 'task attempt')} could not read ${which}: it stopped answering`
          : own.length > 0
            ? `the driver could not read ${which}: it stopped answering`
            : `${which} did not answer when last asked`,
      setbacks,
      evidence: [
        ...setbacks.flatMap(({ evidence }) => evidence ?? []),
        ...own.map(({ evidence }) => evidence),
        ...probes.map(({ at, message, ref }) => ({
          source: 'log' as const,
          at,
          quote: message,
          ref
        }))
      ],
      effects: [
        ...(tasks > 0 ? [`${plural(tasks, 'task attempt')} failed with it`] : []),
        ...(own.length > 0 ? [`${plural(own.length, 'query', 'queries')} failed by it`] : [])
      ],
      advice: [
        {
          action: 'code',
          hint: 'run-again',
          sentence:
            'Nothing in your code caused this. Run the cell again when the catalogue answers; an executor that was started before may have to be replaced.'
        }
      ],
      count: Math.max(1, tasks + own.length),
      failed: message => SHARE_GONE.test(message),
      seen: [...probes.map(({ at }) => at), ...own.flatMap(({ evidence }) => evidence.at ?? [])],
      severity: own.length > 0 ? 'error' : 'warning'
    });
  });
}
