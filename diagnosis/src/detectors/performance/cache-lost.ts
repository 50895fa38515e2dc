import type { Finding } from '@aglais/protocol';
import type { Application } from '../../application/application.js';
import { tableName } from '../../application/cache-names.js';
import type { Scope } from '../../application/scopes.js';
import { formatNames, plural, sortIds } from '../format.js';
import { buildSlowFinding, isSignificant, totalTimeLost } from './build-slow-finding.js';
import { costOf, evidenceOf, placeOf, recomputesOf } from './cache-recomputes.js';

/** Cached partitions were lost with their executors and were recomputed. */
export function cacheLost(
  app: Application,
  scope: Scope,
  others: readonly Finding[]
): Finding | null {
  const recomputes = recomputesOf(app, scope, ({ why }) => why === 'executor-gone');
  if (recomputes.length === 0) return null;
  const lost = totalTimeLost(app, scope, recomputes.map(costOf));
  if (!isSignificant(app, scope, lost.wallMs)) return null;
  const executors = sortIds(
    new Set(recomputes.flatMap(({ recomputed }) => [...recomputed.executors]))
  );
  // A finding of the same cell already says why the executors were lost.
  const explained = others.some(
    ({ code, subject, id }) =>
      code.startsWith('executor-') &&
      id.endsWith(`:${scope.key}`) &&
      executors.every(executor => subject.executors?.includes(executor))
  );
  if (explained) return null;
  const count = recomputes.reduce((sum, one) => sum + one.recomputed.count, 0);
  const names = [...new Set(recomputes.map(({ table }) => tableName(table)))];
  const reasons = executors.flatMap(
    id => app.executors.find(id)?.reasons.find(({ from }) => from === 'removed')?.evidence ?? []
  );
  const idle = app.conf['spark.dynamicAllocation.cachedExecutorIdleTimeout'];
  return buildSlowFinding(app, {
    code: 'cache-lost',
    scope,
    title: `${plural(count, 'cached partition')} ${count === 1 ? 'was' : 'were'} lost with ${formatNames('executor', executors)} and had to be recomputed`,
    what: `${plural(count, 'partition')} of the cached ${formatNames('table', names, 3)} ${count === 1 ? 'was' : 'were'} lost with ${formatNames('executor', executors)} and had to be recomputed`,
    lost,
    estimated: false,
    ...placeOf(recomputes),
    executors,
    recomputedTasks: count,
    evidence: [...reasons.slice(0, 3), ...recomputes.slice(0, 3).flatMap(evidenceOf)],
    advice: [
      ...(idle !== undefined && app.conf['spark.dynamicAllocation.enabled'] === 'true'
        ? [
            {
              action: 'set' as const,
              conf: { 'spark.dynamicAllocation.cachedExecutorIdleTimeout': 'infinity' },
              sentence: `Executors with cached data are removed after ${idle} without work; keep them, or do not cache.`
            }
          ]
        : []),
      {
        action: 'code',
        hint: 'persist(MEMORY_AND_DISK_2)',
        sentence: `Write data that is expensive to compute as a table and read that, or store it on two executors: persist(StorageLevel.MEMORY_AND_DISK_2).`
      }
    ],
    count
  });
}
