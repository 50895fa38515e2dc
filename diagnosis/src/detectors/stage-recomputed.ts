import type { Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import type { LostWork } from '../application/lost-work.js';
import { buildFinding, effectsOf } from './build-finding.js';
import { formatNames, plural, sortIds } from './format.js';
import { keepExecutors, removedBefore } from './shuffle-fetch-failed.js';

/** Finished work was recomputed without a failed fetch, and the job succeeded. */
export function stageRecomputed(app: Application, lostWork: readonly LostWork[]): Finding {
  const stages = sortIds(
    new Set(lostWork.flatMap(entry => [...entry.stages.values()].map(({ id }) => String(id))))
  );
  const ids = sortIds(new Set(lostWork.flatMap(({ executor }) => executor ?? [])));
  const tasks = lostWork.reduce((sum, { count }) => sum + count, 0);
  const because =
    ids.length === 0 ? '' : ` because their output was lost with ${formatNames('executor', ids)}`;
  return buildFinding(app, {
    code: 'stage-recomputed',
    scope: app.scopes.get(lostWork[0]!.scope),
    confidence: 'certain',
    title: `Part of ${formatNames('stage', stages)} was computed twice`,
    what: `${plural(tasks, 'finished task')} of ${formatNames('stage', stages)} had to run again${because}`,
    lostWork,
    executors: ids,
    evidence: lostWork.flatMap(({ evidence }) => evidence ?? []),
    effects: effectsOf(lostWork),
    advice: removedBefore(app, lostWork).length > 0 ? keepExecutors(app) : [],
    count: tasks,
    failed: () => false
  });
}
