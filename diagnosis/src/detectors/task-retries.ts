import type { Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import type { LostWork } from '../application/lost-work.js';
import { buildFinding } from './build-finding.js';
import { plural } from './format.js';

/** Task attempts failed in jobs that succeeded: Spark retried them silently. */
export function taskRetries(app: Application, lostWork: readonly LostWork[]): Finding {
  const count = lostWork.reduce((sum, entry) => sum + entry.count, 0);
  const most = lostWork.reduce((a, b) => (b.count > a.count ? b : a));
  const reason = most.summary ?? most.evidence?.quote ?? most.kind;
  const why = reason.trim().split('\n')[0]!.slice(0, 160);
  const attempts = plural(count, 'task attempt');
  const others = lostWork.length > 1 ? `, and ${plural(lostWork.length - 1, 'other reason')}` : '';
  return buildFinding(app, {
    code: 'task-retries',
    scope: app.scopes.get(most.scope),
    confidence: 'certain',
    title: `${attempts} failed and ${count === 1 ? 'was' : 'were'} retried`,
    what: `${attempts} failed and had to be retried (${why}${others})`,
    more: most.where === null ? [] : [`It happened at ${most.where}.`],
    lostWork,
    evidence: lostWork.flatMap(({ evidence }) => evidence ?? []),
    effects: [`the work of ${attempts} was wasted`],
    advice: [
      {
        action: 'code',
        hint: most.name ?? most.kind,
        sentence: `Spark fails the job when one task fails ${app.conf['spark.task.maxFailures'] ?? '4'} times (spark.task.maxFailures). Check what can raise this error in your code or data.`
      }
    ],
    count,
    failed: () => false
  });
}
