import type { Advice, Evidence, Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import { parseMiB } from '../application/spark-conf.js';
import type { Scope } from '../application/scopes.js';
import type { LostWork } from '../application/lost-work.js';
import type { SqlFailure } from '../application/sql-executions.js';
import { roundUp } from './memory-advice.js';
import { broadcastRanOutOfMemory, isBroadcast } from './broadcast-too-large.js';
import { buildFinding } from './build-finding.js';
import { effectsOfDriverEnd, scopeAtEnd, type DriverEnd } from './driver-exit.js';
import { queriesFailedBy } from './failed-queries.js';
import { formatMiB, plural } from './format.js';

/** ExecutorExitCode.OOM. */
const HEAP = 52;
const OOM = /java\.lang\.OutOfMemoryError/;
const SERIALIZATION = /Task serialization failed: java\.lang\.OutOfMemoryError/;

/** Messages of the JVM about memory outside the heap. */
export const OUTSIDE_HEAP =
  /(?:Cannot reserve \d+ bytes of direct|Direct) buffer|Metaspace|native thread|Compressed class/;

interface Proof {
  evidence: readonly Evidence[];
  exits: readonly DriverEnd[];
  queries: readonly SqlFailure[];
  /** The JVM exited because of it. */
  ended: boolean;
}

/**
 * The driver ran out of Java heap, according to its own log, its exit code, the error of a query that
 * failed without a failed job, or task results that could not be fetched from executors that were alive.
 */
export function driverHeapOom(
  app: Application,
  ends: readonly DriverEnd[],
  unexplained: readonly LostWork[]
): Finding[] {
  const signals = app.logSignals.of('heap-oom', 'driver');
  const exits = ends.filter(({ exitCode }) => exitCode === HEAP);
  const serialization = [...app.jobs.values()].filter(({ failure }) =>
    SERIALIZATION.test(failure?.quote ?? '')
  );
  const queries = queriesFailedBy(app, OOM).filter(({ evidence }) => !isBroadcast(evidence.quote));
  const evidence = [
    ...signals.map(signal => signal.evidence),
    ...exits.map(end => end.evidence),
    ...serialization.map(job => job.failure!),
    ...queries.map(query => query.evidence)
  ];
  const lost = unexplained.filter(({ kind }) => kind === 'result-lost');
  const failedByIt = lost.filter(({ scope }) =>
    [...app.scopes.get(scope).failures.values()].some(text => /TaskResultLost/.test(text))
  );
  // With -XX:+ExitOnOutOfMemoryError or +CrashOnOutOfMemoryError this is the last line of the JVM's log.
  const ended =
    exits.length > 0 ||
    signals.some(signal => /^(?:Terminating|Aborting) due to /.test(signal.evidence.quote));
  const certain = evidence.length > 0;
  if (!certain && failedByIt.length === 0) return [];
  const lostWork = certain ? lost : failedByIt;
  const hit = new Set([...lostWork, ...serialization, ...queries].map(({ scope }) => scope));
  // The driver is alive and only a broadcast failed, which has a finding with advice of its own.
  if (hit.size === 0 && !ended && broadcastRanOutOfMemory(app)) return [];
  const scopes =
    hit.size > 0
      ? [...hit].map(key => app.scopes.get(key))
      : [scopeAtEnd(app, exits[0]?.at ?? null)];
  const proof = { evidence, exits, queries, ended };
  return scopes.map(scope => heapFinding(app, scope, lostWork, proof));
}

function heapFinding(
  app: Application,
  scope: Scope,
  all: readonly LostWork[],
  proof: Proof
): Finding {
  const { evidence, exits, ended } = proof;
  const lostWork = all.filter(entry => entry.scope === scope.key);
  const queries = proof.queries.filter(query => query.scope === scope.key);
  const heap = driverHeap(app);
  const limit = heap === null ? '' : ` (${formatMiB(heap)})`;
  const results = lostWork.reduce((sum, { count }) => sum + count, 0);
  const attempts = plural(results, 'finished task attempt');
  const certain = evidence.length > 0;
  const thrown = evidence.filter(({ quote }) => OOM.test(quote));
  const outsideHeap = thrown.length > 0 && thrown.every(({ quote }) => OUTSIDE_HEAP.test(quote));
  const which = outsideHeap
    ? 'the driver ran out of memory outside the Java heap'
    : `the driver ran out of Java heap${limit}`;
  const consequence =
    results > 0
      ? `, so it could not fetch the results of ${attempts}`
      : queries.length > 0
        ? `, so it aborted the query`
        : '';
  return buildFinding(app, {
    code: 'driver-heap-oom',
    scope,
    confidence: certain ? 'certain' : 'likely',
    title: outsideHeap
      ? 'The driver ran out of memory outside the Java heap'
      : `The driver ${certain ? 'ran' : 'probably ran'} out of Java heap`,
    what: certain
      ? `${which}${consequence}`
      : `the results of ${attempts} could not be fetched although their executors were alive, which usually means that the driver ran out of Java heap${limit}`,
    lostWork,
    evidence: [...evidence, ...lostWork.flatMap(entry => entry.evidence ?? [])],
    effects: [
      ...(results > 0 ? [`the results of ${plural(results, 'task attempt')} were lost`] : []),
      ...(queries.length > 0
        ? [`${plural(queries.length, 'query', 'queries')} failed because of it`]
        : []),
      ...(ended ? effectsOfDriverEnd(app) : [])
    ],
    advice: [
      {
        action: 'code',
        hint: 'collect-less',
        sentence:
          'Collect less to the driver: aggregate, take a sample, or write the result as a table. Consume results as you fetch them: the driver keeps what has not been fetched yet.'
      },
      // A larger heap leaves less memory outside of it.
      ...(heap === null || outsideHeap ? [] : [moreHeapForDriver(app, scope, heap)])
    ],
    count: Math.max(1, results, evidence.length),
    failed: message => /TaskResultLost/.test(message) || SERIALIZATION.test(message),
    seen: [
      ...exits.flatMap(({ at }) => at ?? []),
      ...queries.flatMap(query => query.evidence.at ?? [])
    ],
    severity: ended || queries.length > 0 ? 'error' : 'warning'
  });
}

/**
 * The maximum heap of the driver, MiB; null if unknown. If -Xmx was set elsewhere, it follows from the
 * unified memory of the block manager, which is (heap − 300 MiB) × spark.memory.fraction (0.6).
 */
export function driverHeap(app: Application): number | null {
  const configured = app.driver.sample?.heapLimitMiB ?? parseMiB(app.conf['spark.driver.memory']);
  const unified = app.driver.unifiedMiB;
  if (configured !== null || unified === null) return configured;
  if (app.conf['spark.memory.offHeap.enabled'] === 'true') return null;
  const fraction = Number(app.conf['spark.memory.fraction'] ?? 0.6);
  return fraction > 0 ? Math.round(unified / fraction + 300) : null;
}

/** Results that the driver had to hold at once. */
interface Results {
  /** Bytes of results that the driver received. */
  bytes: number;
  /** Tasks whose results these are. */
  tasks: number;
  /** Tasks of the result stage. */
  totalTasks: number;
}

/**
 * The heap that the driver needs, MiB: its current heap plus the whole result, estimated from the finished
 * tasks (bytes ÷ finished tasks × all tasks of the stage); at least twice the current heap.
 */
function moreHeapForDriver(app: Application, scope: Scope, heapMiB: number): Advice {
  const results = largestResult(app, scope);
  const whole = results ? ((results.bytes / results.tasks) * results.totalTasks) / 2 ** 20 : 0;
  const heap = roundUp(Math.max(2 * heapMiB, heapMiB + whole));
  const peak = app.driver.peak.heapMiB;
  const seen = peak === null ? '' : ` (peak use when measured: ${formatMiB(peak)})`;
  const size =
    whole < heapMiB / 10
      ? ''
      : results!.tasks < results!.totalTasks
        ? ` The results of ${results!.tasks} of ${plural(results!.totalTasks, 'task')} took ${formatMiB(results!.bytes / 2 ** 20)}; all of them would take about ${formatMiB(whole)}.`
        : ` The results of its ${plural(results!.totalTasks, 'task')} took ${formatMiB(whole)}.`;
  return {
    action: 'resize',
    shape: { driverMemoryMiB: heap },
    sentence: `Request ${formatMiB(heap)} of Java heap for the driver instead of ${formatMiB(heapMiB)}${seen}.${size}`
  };
}

/** The failed job of a scope with the largest results. */
function largestResult(app: Application, { key }: Scope): Results | null {
  const jobs = [...app.jobs.values()].filter(
    ({ scope, result, results }) => scope === key && result !== 'succeeded' && results.tasks > 0
  );
  const largest = jobs.sort((a, b) => b.results.bytes - a.results.bytes || a.id - b.id)[0];
  if (!largest) return null;
  const { tasks, bytes } = largest.results;
  return { bytes, tasks, totalTasks: Math.max(tasks, largest.resultTasks) };
}
