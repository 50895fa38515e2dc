import type { Advice, Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import { larger } from '../eventlog/task-metrics.js';
import { buildFinding, effectsOf } from './build-finding.js';
import { driverHeap, OUTSIDE_HEAP } from './driver-heap-oom.js';
import type { Incident } from './executor-incidents.js';
import { formatIds } from './format.js';
import { formatMiB, formatNames, plural, sortIds } from './format.js';
import {
  bystanders,
  failedWithExecutor,
  evidenceOf,
  hasFetchFailures,
  total
} from './incident-details.js';
import { moreHeap, morePartitions, roundUp } from './memory-advice.js';

/** Spark's default of spark.driver.memory. */
const DRIVER_HEAP_MIB = 1024;

/** Executors that ran out of Java heap, or tasks that Spark denied memory. */
export function executorHeapOom(app: Application, incident: Incident): Finding {
  const { losses, lostWork, scope } = incident;
  const thrown = lostWork.filter(({ kind }) => kind === 'heap');
  const ids = sortIds(
    new Set([
      ...losses.map(loss => loss.executor.id),
      ...thrown.flatMap(({ executor }) => executor ?? [])
    ])
  );
  // In local mode the driver runs the tasks, in its own heap.
  const local = ids.length === 1 && ids[0] === 'driver';
  const granted = local
    ? { ...app.granted, heapMiB: driverHeap(app) ?? DRIVER_HEAP_MIB }
    : app.granted;
  const heap = formatMiB(granted.heapMiB);
  const died = losses.length;
  const message = thrown[0]?.evidence?.quote ?? '';
  const outsideHeap = OUTSIDE_HEAP.test(message);
  const peak = local
    ? app.driver.peak.heapMiB
    : ids.map(id => app.executors.find(id)?.memory.peak.heapMiB ?? null).reduce(larger, null);
  const subject = local
    ? 'the driver (local mode)'
    : ids.length === 1
      ? formatNames('executor', ids)
      : `${ids.length} executors (${formatIds(ids)})`;
  return buildFinding(app, {
    code: 'executor-heap-oom',
    scope,
    confidence: 'certain',
    title: outsideHeap
      ? `${subject.charAt(0).toUpperCase()}${subject.slice(1)} ran out of memory outside the Java heap`
      : ids.length === 1
        ? `${local ? 'The driver' : `Executor ${ids[0]}`} ran out of Java heap`
        : `${ids.length} executors ran out of Java heap`,
    what: outsideHeap
      ? `${subject} ran out of memory outside the Java heap (${message.slice(0, 120)})`
      : `${subject} ran out of Java heap (limit ${heap})`,
    more:
      died === 0
        ? []
        : [
            `${died === 1 ? 'The executor was' : 'They were'} replaced; ` +
              `cached data and shuffle output on ${died === 1 ? 'it' : 'them'} were lost.`
          ],
    lostWork,
    executors: ids,
    evidence: evidenceOf(incident),
    effects: [
      ...(thrown.length > 0
        ? [`${plural(total(thrown), 'task attempt')} failed with OutOfMemoryError`]
        : []),
      ...effectsOf(lostWork),
      ...bystanders(app, incident)
    ],
    advice: [
      ...(outsideHeap
        ? [doubleOverhead(app)]
        : /array size/.test(message)
          ? []
          : [moreHeap(granted, peak, local)]),
      ...morePartitions(thrown.length > 0 ? thrown : lostWork)
    ],
    count: Math.max(total(thrown), died),
    failed: text =>
      /OutOfMemoryError/.test(text) ||
      failedWithExecutor(text, ids) ||
      (hasFetchFailures(incident) && /FetchFailed/.test(text)),
    seen: losses.map(loss => loss.at)
  });
}

function doubleOverhead(app: Application): Advice {
  const overhead = roundUp(2 * app.granted.overheadMiB);
  return {
    action: 'resize',
    shape: { executorOverheadMiB: overhead },
    sentence:
      `Request ${formatMiB(overhead)} of memory overhead (outside the Java heap) instead of ` +
      `${formatMiB(app.granted.overheadMiB)}; the heap was not the limit.`
  };
}
