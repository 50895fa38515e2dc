import type { Advice, Finding } from '@aglais/protocol';
import type { Application } from '../../application/application.js';
import type { Scope } from '../../application/scopes.js';
import type { GarbageFacts } from '../../application/slow-stages.js';
import { larger } from '../../eventlog/task-metrics.js';
import { roundUp } from '../memory-advice.js';
import { memory } from '../format.js';
import { percent, stageWords } from './stage-label.js';
import { matters, slowFinding, together } from './build-slow-finding.js';

/** Cached blocks are the cause if they take this share of the heap. */
const MOSTLY_CACHED = 0.4;

/** Stages whose tasks spent more than a tenth of their time collecting garbage; see gcCost. */
export function gcPressure(
  app: Application,
  scope: Scope,
  garbage: GarbageFacts | null
): Finding | null {
  if (!garbage) return null;
  const { worst } = garbage;
  const lost = together(app, scope, [{ taskMs: garbage.gcMs, wallMs: garbage.wallMs }]);
  if (!matters(app, scope, lost.wallMs)) return null;
  const share = percent(garbage.gcMs / garbage.runMs);
  const task = worst.worstGc;
  const more = garbage.stages - 1;
  return slowFinding(app, {
    code: 'gc-pressure',
    scope,
    title: `${share} of the task time was garbage collection`,
    what: `the tasks of ${stageWords(worst)} spent ${percent(worst.gcMs / worst.runMs)} of their time waiting for the Java heap to be tidied up${more > 0 ? `, and those of ${more === 1 ? 'one more stage' : `${more} more stages`} likewise` : ''}`,
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

/** Half as much heap again, from the most that was seen in use, at least from what there is. */
function advise(app: Application): Advice[] {
  const peaks = [...app.executors].map(({ memory }) => memory.peak);
  const heap = peaks.map(peak => peak.heapMiB).reduce(larger, null);
  const storage = peaks.map(peak => peak.storageMiB).reduce(larger, null);
  const { heapMiB } = app.granted;
  const wanted = roundUp(1.5 * Math.max(heapMiB, heap ?? 0));
  const seen = heap === null ? '' : ` (${memory(heap)} was in use at the most)`;
  const advice: Advice[] = [
    {
      action: 'resize',
      shape: { executorMemoryMiB: wanted },
      sentence: `Ask for ${memory(wanted)} of Java heap per executor in place of ${memory(heapMiB)}${seen}.`
    }
  ];
  if (storage !== null && storage >= MOSTLY_CACHED * heapMiB) {
    advice.unshift({
      action: 'code',
      hint: 'unpersist',
      sentence: `Cached tables took ${memory(storage)} of the ${memory(heapMiB)} heap: unpersist() those that you no longer need, or keep them with StorageLevel.MEMORY_AND_DISK.`
    });
  }
  return advice;
}
