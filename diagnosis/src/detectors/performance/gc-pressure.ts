import type { Advice, Finding } from '@aglais/protocol';
import type { Application } from '../../application/application.js';
import type { Scope } from '../../application/scopes.js';
import type { GarbageFacts } from '../../application/slow-stages.js';
import { larger } from '../../eventlog/task-metrics.js';
import { roundUp } from '../memory-advice.js';
import { formatMiB } from '../format.js';
import { stageLabel } from './stage-label.js';
import { formatPercent } from '../format.js';
import { isSignificant, buildSlowFinding, totalTimeLost } from './build-slow-finding.js';

/** Cached blocks are the cause if they take this share of the heap. */
const CACHED_SHARE = 0.4;

/** Stages whose tasks spent more than a tenth of their time in garbage collection; see gcCost. */
export function gcPressure(
  app: Application,
  scope: Scope,
  garbage: GarbageFacts | null
): Finding | null {
  if (!garbage) return null;
  const { worst } = garbage;
  const lost = totalTimeLost(app, scope, [{ taskMs: garbage.gcMs, wallMs: garbage.wallMs }]);
  if (!isSignificant(app, scope, lost.wallMs)) return null;
  const share = formatPercent(garbage.gcMs / garbage.runMs);
  const task = worst.worstGc;
  const more = garbage.stages - 1;
  return buildSlowFinding(app, {
    code: 'gc-pressure',
    scope,
    title: `${share} of the task time was garbage collection`,
    what: `the tasks of ${stageLabel(worst)} spent ${formatPercent(worst.gcMs / worst.runMs)} of their time in garbage collection${more > 0 ? `; the same happened in ${more === 1 ? 'one more stage' : `${more} more stages`}` : ''}`,
    lost,
    estimated: false,
    stages: [{ id: worst.stage, attempt: worst.attempt }],
    jobs: worst.jobs,
    executors: task ? [task.executor] : [],
    evidence: task
      ? [{ source: 'eventlog', at: task.at, quote: `"JVM GC Time":${task.gcMs}`, ref: task.ref }]
      : [],
    advice: advise(app),
    count: garbage.stages,
    firstSeen: garbage.firstSeen,
    lastSeen: garbage.lastSeen
  });
}

/** 1.5 × the peak heap use, and at least 1.5 × the current heap. */
function advise(app: Application): Advice[] {
  const peaks = [...app.executors].map(({ memory }) => memory.peak);
  const heap = peaks.map(peak => peak.heapMiB).reduce(larger, null);
  const storage = peaks.map(peak => peak.storageMiB).reduce(larger, null);
  const { heapMiB } = app.granted;
  const wanted = roundUp(1.5 * Math.max(heapMiB, heap ?? 0));
  const seen = heap === null ? '' : ` (peak use: ${formatMiB(heap)})`;
  const advice: Advice[] = [
    {
      action: 'resize',
      shape: { executorMemoryMiB: wanted },
      sentence: `Request ${formatMiB(wanted)} of Java heap per executor instead of ${formatMiB(heapMiB)}${seen}.`
    }
  ];
  if (storage !== null && storage >= CACHED_SHARE * heapMiB) {
    advice.unshift({
      action: 'code',
      hint: 'unpersist',
      sentence: `Cached tables took ${formatMiB(storage)} of the ${formatMiB(heapMiB)} heap: unpersist() those that you no longer need, or persist them with StorageLevel.MEMORY_AND_DISK.`
    });
  }
  return advice;
}
