import type { Advice, Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import type { LostWork } from '../application/lost-work.js';
import { buildFinding, effectsOf } from './build-finding.js';
import { formatNames, plural, sortIds } from './format.js';

/** Tasks could not fetch shuffle blocks, and no unplanned executor loss explains it. */
export function shuffleFetchFailed(app: Application, lostWork: readonly LostWork[]): Finding {
  const failures = lostWork.filter(({ kind }) => kind === 'fetch');
  const count = failures.reduce((sum, entry) => sum + entry.count, 0);
  const ids = sortIds(new Set(failures.flatMap(({ executor }) => executor ?? [])));
  const removed = removedBefore(app, failures);
  const where = ids.length === 0 ? 'an unknown executor' : formatNames('executor', ids);
  const gone =
    removed.length === 0
      ? ''
      : `; ${formatNames('executor', removed)} had been removed before, together with the blocks`;
  return buildFinding(app, {
    code: 'shuffle-fetch-failed',
    scope: app.scopes.get(lostWork[0]!.scope),
    confidence: 'likely',
    title: `Shuffle blocks of ${where} could not be fetched`,
    what: `shuffle blocks of ${where} could not be fetched ${plural(count, 'time')}${gone}`,
    lostWork,
    executors: ids,
    evidence: lostWork.flatMap(({ evidence }) => evidence ?? []),
    effects: effectsOf(lostWork),
    advice: removed.length > 0 ? keepExecutors(app) : raiseFetchRetries(app),
    count,
    failed: message => /FetchFailed/.test(message)
  });
}

/** Executors that were already removed when their output was needed. */
export function removedBefore(app: Application, lostWork: readonly LostWork[]): string[] {
  const missed = lostWork.filter(({ executor, lastSeen }) => {
    const removedAt = executor === null ? null : app.executors.find(executor)?.removedAt;
    return removedAt != null && removedAt <= lastSeen;
  });
  return sortIds(new Set(missed.flatMap(({ executor }) => executor ?? [])));
}

/** Idle executors must not be removed while their shuffle output is still needed. */
export function keepExecutors(app: Application): Advice[] {
  if (app.conf['spark.dynamicAllocation.enabled'] !== 'true') return [];
  const idle = seconds(app.conf['spark.dynamicAllocation.executorIdleTimeout']) ?? 60;
  return [
    {
      action: 'set',
      conf: {
        'spark.dynamicAllocation.shuffleTracking.enabled': 'true',
        'spark.dynamicAllocation.executorIdleTimeout': `${idle * 5}s`
      },
      sentence: `Keep executors whose shuffle output is still needed (shuffle tracking), and idle executors for ${idle * 5} s instead of ${idle} s.`
    }
  ];
}

/** Spark retries a fetch maxRetries times and waits in between: doubling both waits four times as long. */
function raiseFetchRetries(app: Application): Advice[] {
  const retries = Number(app.conf['spark.shuffle.io.maxRetries'] ?? 3);
  const wait = seconds(app.conf['spark.shuffle.io.retryWait']) ?? 5;
  return [
    {
      action: 'set',
      conf: {
        'spark.shuffle.io.maxRetries': String(2 * retries),
        'spark.shuffle.io.retryWait': `${2 * wait}s`
      },
      sentence: `Wait longer for a busy executor or network: ${4 * retries * wait} s instead of ${retries * wait} s before a fetch fails.`
    }
  ];
}

function seconds(time: string | undefined): number | null {
  const match = /^(\d+)\s*(ms|s|m|min|h)?$/.exec(time ?? '');
  if (!match) return null;
  return Number(match[1]) * { ms: 0.001, s: 1, m: 60, min: 60, h: 3600 }[match[2] ?? 's']!;
}
