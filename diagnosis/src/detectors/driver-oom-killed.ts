import type { Advice, Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import type { LostWork } from '../application/lost-work.js';
import { buildFinding } from './build-finding.js';
import {
  type DriverEnd,
  driverEnds,
  effectsOfDriverEnd,
  connectionErrors,
  scopeAtEnd
} from './driver-exit.js';
import { driverHeap, driverHeapOom } from './driver-heap-oom.js';
import { formatMiB } from './format.js';
import { roundUp } from './memory-advice.js';
import { tooManyExecutorFailures } from './too-many-executor-failures.js';

/** Findings about the exit of the driver. */
export function driverFindings(app: Application, unexplained: readonly LostWork[]): Finding[] {
  const ends = driverEnds(app);
  return [
    ...driverOomKilled(app, ends),
    ...driverHeapOom(app, ends, unexplained),
    ...tooManyExecutorFailures(app, ends)
  ];
}

/** The driver's container was OOM-killed. */
function driverOomKilled(app: Application, ends: readonly DriverEnd[]): Finding[] {
  const end = ends.find(({ oom }) => oom === 'certain') ?? ends.find(({ oom }) => oom !== null);
  if (!end?.oom) return [];
  const limit = end.limitMiB ?? app.driver.limitMiB;
  const heap = driverHeap(app);
  const figures = [
    ...(limit === null ? [] : [`limit ${formatMiB(limit)}`]),
    ...(heap === null ? [] : [`maximum Java heap ${formatMiB(heap)}`])
  ];
  const certain = end.oom === 'certain';
  const inFigures = figures.length > 0 ? ` (${figures.join(', ')})` : '';
  return [
    buildFinding(app, {
      code: 'driver-oom-killed',
      scope: scopeAtEnd(app, end.at),
      confidence: end.oom,
      title: `The driver was killed${certain ? '' : ', probably'} for lack of memory`,
      what: certain
        ? `the driver was killed by the Linux OOM killer${inFigures}`
        : `the driver was killed by SIGKILL (exit code 137), usually sent by the Linux OOM killer${inFigures}`,
      more: ['The session ended with it: temporary views and cached tables are gone.'],
      lostWork: [],
      evidence: [end.evidence, ...connectionErrors(app)],
      effects: effectsOfDriverEnd(app),
      advice: limit === null ? [] : [moreForDriver(limit, heap)],
      count: 1,
      failed: () => false,
      seen: end.at === null ? [] : [end.at],
      severity: 'error',
      ...(end.pod && { pod: end.pod.name })
    })
  ];
}

/** A process that was killed while growing needs more than it had: 1.5 times as much. */
function moreForDriver(limitMiB: number, heapMiB: number | null): Advice {
  const outsideHeap = heapMiB === null ? 0 : limitMiB - heapMiB;
  const limit = roundUp(1.5 * limitMiB);
  const heap = heapMiB === null ? limit : roundUp(limit - Math.max(384, outsideHeap));
  return {
    action: 'resize',
    shape: { driverMemoryMiB: Math.max(256, heap) },
    sentence: `Request ${formatMiB(limit)} for the driver instead of ${formatMiB(limitMiB)}, or collect less to the driver.`
  };
}
