import type { Advice, Evidence, Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import { parseMiB } from '../application/spark-conf.js';
import type { Scope } from '../application/scopes.js';
import type { Setback } from '../application/lost-work.js';
import type { SqlFailure } from '../application/sql-executions.js';
import { roundUp } from './memory-advice.js';
import { broadcastMemory, isBroadcast } from './broadcast-too-large.js';
import { finding } from './build-finding.js';
import { lostWork, scopeAtEnd, type DriverEnd } from './driver-exit.js';
import { queriesFailedBy } from './failed-queries.js';
import { memory, plural } from './format.js';

/** ExecutorExitCode.OOM. */
const HEAP = 52;
const OOM = /java\.lang\.OutOfMemoryError/;
const SERIALIZATION = /Task serialization failed: java\.lang\.OutOfMemoryError/;

/** The JVM's words for memory that is not the heap. */
export const BESIDE_HEAP =
  /(?:Cannot reserve \d+ bytes of direct|Direct) buffer|Metaspace|native thread|Compressed class/;

interface Proof {
  evidence: readonly Evidence[];
  exits: readonly DriverEnd[];
  queries: readonly SqlFailure[];
  /** The machine ended by it. */
  ended: boolean;
}

/**
 * The driver's Java heap was full: by its own log, by its exit code, by the error of a query that no job
 * failed, or because results of finished tasks could not be fetched while their executors lived (then its
 * log would say the rest).
 */
export function driverHeapOom(
  app: Application,
  ends: readonly DriverEnd[],
  unexplained: readonly Setback[]
): Finding[] {
  const accounts = app.accounts.of('heap-oom', 'driver');
  const exits = ends.filter(({ exitCode }) => exitCode === HEAP);
  const serialization = [...app.jobs.values()].filter(({ failure }) =>
    SERIALIZATION.test(failure?.quote ?? '')
  );
  const queries = queriesFailedBy(app, OOM).filter(({ evidence }) => !isBroadcast(evidence.quote));
  const evidence = [
    ...accounts.map(account => account.evidence),
    ...exits.map(end => end.evidence),
    ...serialization.map(job => job.failure!),
    ...queries.map(query => query.evidence)
  ];
  const lost = unexplained.filter(({ kind }) => kind === 'result-lost');
  const failedByIt = lost.filter(({ scope }) =>
    [...app.scopes.get(scope).failures.values()].some(text => /TaskResultLost/.test(text))
  );
  // With -XX:+ExitOnOutOfMemoryError or +CrashOnOutOfMemoryError the machine ends, and says so last.
  const ended =
    exits.length > 0 ||
    accounts.some(account => /^(?:Terminating|Aborting) due to /.test(account.evidence.quote));
  const certain = evidence.length > 0;
  if (!certain && failedByIt.length === 0) return [];
  const setbacks = certain ? lost : failedByIt;
  const hit = new Set([...setbacks, ...serialization, ...queries].map(({ scope }) => scope));
  // The driver lives and nothing failed by it but a broadcast, which is told with its own remedy.
  if (hit.size === 0 && !ended && broadcastMemory(app)) return [];
  const scopes =
    hit.size > 0
      ? [...hit].map(key => app.scopes.get(key))
      : [scopeAtEnd(app, exits[0]?.at ?? null)];
  const proof = { evidence, exits, queries, ended };
  return scopes.map(scope => heapFinding(app, scope, setbacks, proof));
}

function heapFinding(
  app: Application,
  scope: Scope,
  all: readonly Setback[],
  proof: Proof
): Finding {
  const { evidence, exits, ended } = proof;
  const setbacks = all.filter(setback => setback.scope === scope.key);
  const queries = proof.queries.filter(query => query.scope === scope.key);
  const heap = driverHeap(app);
  const limit = heap === null ? '' : ` (${memory(heap)})`;
  const results = setbacks.reduce((sum, { count }) => sum + count, 0);
  const attempts = plural(results, 'finished task attempt');
  const certain = evidence.length > 0;
  const thrown = evidence.filter(({ quote }) => OOM.test(quote));
  const beside = thrown.length > 0 && thrown.every(({ quote }) => BESIDE_HEAP.test(quote));
  const which = beside
    ? 'the memory of the driver beside its Java heap was used up'
    : `the Java heap of the driver was full${limit}`;
  const consequence =
    results > 0
      ? `, so it could not fetch the results of ${attempts}`
      : queries.length > 0
        ? `, so it gave the query up`
        : '';
  return finding(app, {
    code: 'driver-heap-oom',
    scope,
    confidence: certain ? 'certain' : 'likely',
    title: beside
      ? 'The driver ran out of memory beside its Java heap'
      : `The driver ${certain ? 'ran' : 'probably ran'} out of Java heap`,
    what: certain
      ? `${which}${consequence}`
      : `the results of ${attempts} could not be fetched from executors that live, which mostly means that the Java heap of the driver was full${limit}`,
    setbacks,
    evidence: [...evidence, ...setbacks.flatMap(setback => setback.evidence ?? [])],
    effects: [
      ...(results > 0 ? [`the results of ${plural(results, 'task attempt')} were lost`] : []),
      ...(queries.length > 0 ? [`${plural(queries.length, 'query', 'queries')} failed by it`] : []),
      ...(ended ? lostWork(app) : [])
    ],
    advice: [
      {
        action: 'code',
        hint: 'collect-less',
        sentence:
          'Bring less into the notebook: aggregate, take a sample, or write the result as a table; and take what you fetch at once, for the driver keeps what waits to be taken.'
      },
      // A larger heap leaves less beside it.
      ...(heap === null || beside ? [] : [moreHeapForDriver(app, scope, heap)])
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
 * What the driver's heap may grow to, MiB; null if nobody says it. A driver that got its -Xmx from elsewhere
 * tells it by the unified memory of its block manager, which is (heap − 300 MiB) × spark.memory.fraction (0.6).
 */
export function driverHeap(app: Application): number | null {
  const said = app.driver.sample?.heapLimitMiB ?? parseMiB(app.conf['spark.driver.memory']);
  const unified = app.driver.unifiedMiB;
  if (said !== null || unified === null) return said;
  if (app.conf['spark.memory.offHeap.enabled'] === 'true') return null;
  const fraction = Number(app.conf['spark.memory.fraction'] ?? 0.6);
  return fraction > 0 ? Math.round(unified / fraction + 300) : null;
}

/** Results that the driver was to hold at once, and how much of them it got: bytes. */
interface Results {
  got: number;
  tasks: number;
  of: number;
}

/**
 * The heap that the driver needs, MiB: what it has beside the whole result, which is computed from the tasks that
 * came through: bytes ÷ tasks that did × all tasks of the stage. At least twice what it has, for how much more was
 * wanted nobody knows.
 */
function moreHeapForDriver(app: Application, scope: Scope, heapMiB: number): Advice {
  const results = largestResult(app, scope);
  const whole = results ? ((results.got / results.tasks) * results.of) / 2 ** 20 : 0;
  const heap = roundUp(Math.max(2 * heapMiB, heapMiB + whole));
  const peak = app.driver.peak.heapMiB;
  const seen = peak === null ? '' : ` (${memory(peak)} of it was in use at most when measured)`;
  const size =
    whole < heapMiB / 10
      ? ''
      : results!.tasks < results!.of
        ? ` The results of ${results!.tasks} of ${plural(results!.of, 'task')} took ${memory(results!.got / 2 ** 20)}; all of them would take about ${memory(whole)}.`
        : ` The results of its ${plural(results!.of, 'task')} took ${memory(whole)}.`;
  return {
    action: 'resize',
    shape: { driverMemoryMiB: heap },
    sentence: `Ask for ${memory(heap)} of Java heap for the driver in place of ${memory(heapMiB)}${seen}.${size}`
  };
}

/** Of the jobs of a scope that failed, the one whose results were largest. */
function largestResult(app: Application, { key }: Scope): Results | null {
  const jobs = [...app.jobs.values()].filter(
    ({ scope, result, results }) => scope === key && result !== 'succeeded' && results.tasks > 0
  );
  const largest = jobs.sort((a, b) => b.results.bytes - a.results.bytes || a.id - b.id)[0];
  if (!largest) return null;
  const { tasks, bytes } = largest.results;
  return { got: bytes, tasks, of: Math.max(tasks, largest.resultTasks) };
}
