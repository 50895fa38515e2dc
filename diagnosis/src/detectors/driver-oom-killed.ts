import type { Advice, Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import type { Setback } from '../application/lost-work.js';
import { roundUp } from './memory-advice.js';
import { finding } from './build-finding.js';
import { driverEnds, goneFor, lostWork, scopeAtEnd, type DriverEnd } from './driver-exit.js';
import { driverHeap, driverHeapOom } from './driver-heap-oom.js';
import { memory } from './format.js';

/** SparkExitCode.EXCEED_MAX_EXECUTOR_FAILURES. */
const TOO_MANY_FAILURES = 11;

/** What became of the driver itself. */
export function driverFindings(app: Application, unexplained: readonly Setback[]): Finding[] {
  const ends = driverEnds(app);
  return [
    ...driverOomKilled(app, ends),
    ...driverHeapOom(app, ends, unexplained),
    ...tooManyExecutorFailures(app, ends)
  ];
}

/** The driver's container was killed for memory. */
function driverOomKilled(app: Application, ends: readonly DriverEnd[]): Finding[] {
  const end = ends.find(({ oom }) => oom === 'certain') ?? ends.find(({ oom }) => oom !== null);
  if (!end?.oom) return [];
  const limit = end.limitMiB ?? app.driver.limitMiB;
  const heap = driverHeap(app);
  const figures = [
    ...(limit === null ? [] : [`limit ${memory(limit)}`]),
    ...(heap === null ? [] : [`its Java heap may take ${memory(heap)}`])
  ];
  const certain = end.oom === 'certain';
  const inFigures = figures.length > 0 ? ` (${figures.join(', ')})` : '';
  return [
    finding(app, {
      code: 'driver-oom-killed',
      scope: scopeAtEnd(app, end.at),
      confidence: end.oom,
      title: `The driver was killed${certain ? '' : ', probably'} for lack of memory`,
      what: certain
        ? `the driver was killed by the out-of-memory killer${inFigures}`
        : `the driver was killed by SIGKILL (exit code 137), which is mostly the kernel when memory runs out${inFigures}`,
      more: ['With it went the session: temporary views and cached tables are gone.'],
      setbacks: [],
      evidence: [end.evidence, ...goneFor(app)],
      effects: lostWork(app),
      advice: limit === null ? [] : [moreForDriver(limit, heap)],
      count: 1,
      failed: () => false,
      seen: end.at === null ? [] : [end.at],
      severity: 'error',
      ...(end.pod && { pod: end.pod.name })
    })
  ];
}

/** Spark ended the application because executors failed too often. The losses themselves are told apart. */
function tooManyExecutorFailures(app: Application, ends: readonly DriverEnd[]): Finding[] {
  const accounts = app.accounts.of('too-many-failures');
  const exits = ends.filter(({ exitCode }) => exitCode === TOO_MANY_FAILURES);
  if (accounts.length === 0 && exits.length === 0) return [];
  const quotes = accounts.map(({ evidence }) => evidence);
  const allowed = quotes
    .map(({ quote }) => /Max number of executor failures \((\d+)\)/.exec(quote)?.[1])
    .find(number => number !== undefined);
  const most = allowed === undefined ? 'too many executors' : `more than ${allowed} executors`;
  const times = [...exits.map(({ at }) => at), ...accounts.map(({ lastSeen }) => lastSeen)];
  return [
    finding(app, {
      code: 'too-many-executor-failures',
      scope: scopeAtEnd(app, exits[0]?.at ?? null),
      confidence: 'certain',
      title: 'Spark gave up: too many executors had failed',
      what: `${most} had failed, and Spark ended the application`,
      more: ['Why each executor failed is told by the other findings.'],
      setbacks: [],
      evidence: [...quotes, ...exits.map(({ evidence }) => evidence), ...goneFor(app)],
      effects: lostWork(app),
      advice: [
        {
          action: 'code',
          hint: 'cause-first',
          sentence:
            'Mend what the executors died of; a higher limit (spark.executor.maxNumFailures) only lets it take longer.'
        }
      ],
      count: 1,
      failed: () => false,
      seen: times.flatMap(at => at ?? []),
      severity: 'error'
    })
  ];
}

/** A process that was killed while it grew needs more than it had: half as much again. */
function moreForDriver(limitMiB: number, heapMiB: number | null): Advice {
  const beside = heapMiB === null ? 0 : limitMiB - heapMiB;
  const limit = roundUp(1.5 * limitMiB);
  const heap = heapMiB === null ? limit : roundUp(limit - Math.max(384, beside));
  return {
    action: 'resize',
    shape: { driverMemoryMiB: Math.max(256, heap) },
    sentence: `Ask for ${memory(limit)} for the driver in place of ${memory(limitMiB)}, or bring less to it.`
  };
}
