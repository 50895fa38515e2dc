import type { Advice, Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import type { Setback } from '../application/lost-work.js';
import { effectsOf, finding } from './build-finding.js';
import { inOrder, named, plural } from './format.js';

/** Shuffle blocks could not be read, and no executor that was lost in a bad way explains it. */
export function shuffleFetchFailed(app: Application, setbacks: readonly Setback[]): Finding {
  const failures = setbacks.filter(({ kind }) => kind === 'fetch');
  const count = failures.reduce((sum, setback) => sum + setback.count, 0);
  const ids = inOrder(new Set(failures.flatMap(({ executor }) => executor ?? [])));
  const removed = removedBefore(app, failures);
  const where = ids.length === 0 ? 'an executor that Spark does not name' : named('executor', ids);
  const gone =
    removed.length === 0
      ? ''
      : `; ${named('executor', removed)} had been removed before, and the blocks went with it`;
  return finding(app, {
    code: 'shuffle-fetch-failed',
    scope: app.scopes.get(setbacks[0]!.scope),
    confidence: 'likely',
    title: `Shuffle blocks of ${where} could not be read`,
    what: `shuffle blocks of ${where} could not be read ${plural(count, 'time')}${gone}`,
    setbacks,
    executors: ids,
    evidence: setbacks.flatMap(({ evidence }) => evidence ?? []),
    effects: effectsOf(setbacks),
    advice: removed.length > 0 ? keepExecutors(app) : patience(app),
    count,
    failed: message => /FetchFailed/.test(message)
  });
}

/** Finished work was done again although no block was missed by a task, and the job succeeded. */
export function stageRecomputed(app: Application, setbacks: readonly Setback[]): Finding {
  const stages = inOrder(
    new Set(setbacks.flatMap(setback => [...setback.stages.values()].map(({ id }) => String(id))))
  );
  const ids = inOrder(new Set(setbacks.flatMap(({ executor }) => executor ?? [])));
  const tasks = setbacks.reduce((sum, { count }) => sum + count, 0);
  const because =
    ids.length === 0 ? '' : ` because their output went away with ${named('executor', ids)}`;
  return finding(app, {
    code: 'stage-recomputed',
    scope: app.scopes.get(setbacks[0]!.scope),
    confidence: 'certain',
    title: `Part of ${named('stage', stages)} was computed twice`,
    what: `${plural(tasks, 'finished task')} of ${named('stage', stages)} had to run again${because}`,
    setbacks,
    executors: ids,
    evidence: setbacks.flatMap(({ evidence }) => evidence ?? []),
    effects: effectsOf(setbacks),
    advice: removedBefore(app, setbacks).length > 0 ? keepExecutors(app) : [],
    count: tasks,
    failed: () => false
  });
}

/** Executors that were gone when their output was missed; all of them go in the end. */
function removedBefore(app: Application, setbacks: readonly Setback[]): string[] {
  const missed = setbacks.filter(({ executor, lastSeen }) => {
    const removedAt = executor === null ? null : app.executors.find(executor)?.removedAt;
    return removedAt != null && removedAt <= lastSeen;
  });
  return inOrder(new Set(missed.flatMap(({ executor }) => executor ?? [])));
}

/** Executors that are taken back when idle must not take blocks with them that are still wanted. */
function keepExecutors(app: Application): Advice[] {
  if (app.conf['spark.dynamicAllocation.enabled'] !== 'true') return [];
  const idle = seconds(app.conf['spark.dynamicAllocation.executorIdleTimeout']) ?? 60;
  return [
    {
      action: 'set',
      conf: {
        'spark.dynamicAllocation.shuffleTracking.enabled': 'true',
        'spark.dynamicAllocation.executorIdleTimeout': `${idle * 5}s`
      },
      sentence: `Let Spark keep executors whose shuffle output is still wanted, and idle ones for ${idle * 5} s in place of ${idle} s.`
    }
  ];
}

/** Spark tries a fetch 1 + maxRetries times with a wait between: twice of each is four times the patience. */
function patience(app: Application): Advice[] {
  const retries = Number(app.conf['spark.shuffle.io.maxRetries'] ?? 3);
  const wait = seconds(app.conf['spark.shuffle.io.retryWait']) ?? 5;
  return [
    {
      action: 'set',
      conf: {
        'spark.shuffle.io.maxRetries': String(2 * retries),
        'spark.shuffle.io.retryWait': `${2 * wait}s`
      },
      sentence: `Let Spark wait longer for a busy executor or network: ${4 * retries * wait} s in place of ${retries * wait} s before it gives a block up.`
    }
  ];
}

function seconds(time: string | undefined): number | null {
  const match = /^(\d+)\s*(ms|s|m|min|h)?$/.exec(time ?? '');
  if (!match) return null;
  return Number(match[1]) * { ms: 0.001, s: 1, m: 60, min: 60, h: 3600 }[match[2] ?? 's']!;
}
