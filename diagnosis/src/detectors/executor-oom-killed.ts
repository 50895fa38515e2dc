import type { Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import { larger } from '../eventlog/task-metrics.js';
import { buildFinding, effectsOf } from './build-finding.js';
import type { Incident } from './executor-incidents.js';
import type { ExecutorLoss } from './executor-loss-cause.js';
import { conjugate, formatIds, formatMiB, formatNames, sortIds } from './format.js';
import {
  bystanders,
  failedWithExecutor,
  evidenceOf,
  hasFetchFailures,
  mostCertain
} from './incident-details.js';
import { type MemoryUse, moreOverhead, morePartitions } from './memory-advice.js';

/** Executors that Linux, Kubernetes or YARN killed for exceeding their memory limit. */
export function executorOomKilled(app: Application, incident: Incident): Finding {
  const { losses, lostWork, scope } = incident;
  const ids = sortIds(losses.map(loss => loss.executor.id));
  const best = mostCertain(losses);
  const use = memoryUse(app, losses);
  const certain = best.confidence === 'certain';
  const one = ids.length === 1;
  const subject = one
    ? formatNames('executor', ids)
    : `${ids.length} executors (${formatIds(ids)})`;
  return buildFinding(app, {
    code: 'executor-oom-killed',
    scope,
    confidence: best.confidence,
    title: one
      ? `Executor ${ids[0]} was killed${certain ? ' for lack of memory' : ', probably for lack of memory'}`
      : `${ids.length} executors were killed${certain ? '' : ', probably'} for lack of memory`,
    what: `${subject} ${conjugate(best.what, ids.length)}${memoryFigures(app, use, best)}`,
    more: use ? limitBelowHeap(app, use.limitMiB) : [],
    lostWork,
    executors: ids,
    evidence: evidenceOf(incident),
    effects: [...effectsOf(lostWork), ...bystanders(app, incident)],
    advice: [
      ...(use ? [moreOverhead(app.granted, use, certain)] : []),
      ...(use?.pythonMiB === null || use === null ? morePartitions(lostWork) : [])
    ],
    count: ids.length,
    failed: message =>
      failedWithExecutor(message, ids) ||
      (hasFetchFailures(incident) && /FetchFailed/.test(message)),
    seen: losses.map(loss => loss.at)
  });
}

/** The largest limit and use of several killed executors; null if no limit is known. */
function memoryUse(app: Application, losses: readonly ExecutorLoss[]): MemoryUse | null {
  const limits = losses.map(
    ({ limitMiB, executor }) => limitMiB ?? executor.memory.limitMiB ?? app.granted.limitMiB
  );
  const limitMiB = limits.reduce(larger, null);
  if (limitMiB === null) return null;
  return {
    limitMiB,
    usedMiB: losses
      .map(({ usedMiB, executor }) => usedMiB ?? executor.memory.peakMiB)
      .reduce(larger, null),
    pythonMiB: losses
      .map(({ executor }) => executor.memory.pythonAtLimit(limitMiB))
      .reduce(larger, null)
  };
}

function memoryFigures(app: Application, use: MemoryUse | null, loss: ExecutorLoss): string {
  if (!use) return '';
  const parts = [`limit ${formatMiB(use.limitMiB)}`];
  if (loss.usedMiB !== null) parts.push(`${formatMiB(loss.usedMiB)} in use`);
  parts.push(`maximum Java heap ${formatMiB(app.granted.heapMiB)}`);
  if (use.pythonMiB !== null) parts.push(`Python workers used ${formatMiB(use.pythonMiB)}`);
  return ` (${parts.join(', ')})`;
}

/** A limit below the heap size cannot work with any data. */
function limitBelowHeap(app: Application, limitMiB: number): string[] {
  const { heapMiB } = app.granted;
  if (limitMiB > heapMiB) return [];
  return [
    `This shape cannot work: the limit of ${formatMiB(limitMiB)} is below the maximum Java heap of ${formatMiB(heapMiB)}.`
  ];
}
