import type { Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import type { Setback } from '../application/setbacks.js';
import { finding } from './draft.js';
import { plural } from './words.js';

/** Task attempts failed in jobs that succeeded: Spark tried again and said nothing. */
export function taskRetries(app: Application, setbacks: readonly Setback[]): Finding {
  const count = setbacks.reduce((sum, setback) => sum + setback.count, 0);
  const most = setbacks.reduce((a, b) => (b.count > a.count ? b : a));
  const said = most.summary ?? most.evidence?.quote ?? most.kind;
  const why = said.trim().split('\n')[0]!.slice(0, 160);
  const attempts = plural(count, 'task attempt');
  const others = setbacks.length > 1 ? `, and ${plural(setbacks.length - 1, 'other reason')}` : '';
  return finding(app, {
    code: 'task-retries',
    scope: app.scopes.get(most.scope),
    confidence: 'certain',
    title: `${attempts} failed and ${count === 1 ? 'was' : 'were'} tried again`,
    what: `${attempts} failed and had to be tried again (${why}${others})`,
    setbacks,
    evidence: setbacks.flatMap(({ evidence }) => evidence ?? []),
    effects: [`${attempts} did not count`],
    advice: [
      {
        action: 'code',
        hint: most.name ?? most.kind,
        sentence: `Spark gives a task ${app.conf['spark.task.maxFailures'] ?? '4'} chances; it fails the cell when one task uses them all up. Look for what can raise this in your code or data.`
      }
    ],
    count,
    failed: () => false
  });
}
