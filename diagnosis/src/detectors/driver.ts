import type { Advice, Evidence, Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import { parseMiB } from '../application/conf.js';
import type { Scope } from '../application/scopes.js';
import type { Setback } from '../application/setbacks.js';
import { roundUp } from './advice.js';
import { finding } from './draft.js';
import { driverEnds, goneFor, scopeAtEnd, type DriverEnd } from './driver-end.js';
import { memory, plural } from './words.js';

/** Exit codes: ExecutorExitCode.OOM, and SparkExitCode.EXCEED_MAX_EXECUTOR_FAILURES. */
const HEAP = 52;
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
      scope: scopeAtEnd(app),
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

/**
 * The driver's Java heap was full: by its own log, by its exit code, or because results of finished
 * tasks could not be fetched while their executors lived (then its log would say the rest).
 */
function driverHeapOom(
  app: Application,
  ends: readonly DriverEnd[],
  unexplained: readonly Setback[]
): Finding[] {
  const accounts = app.accounts.of('heap-oom', 'driver');
  const exits = ends.filter(({ exitCode }) => exitCode === HEAP);
  const serialization = [...app.jobs.values()].filter(({ failure }) =>
    /Task serialization failed: java\.lang\.OutOfMemoryError/.test(failure?.quote ?? '')
  );
  const evidence = [
    ...accounts.map(account => account.evidence),
    ...exits.map(end => end.evidence),
    ...serialization.map(job => job.failure!)
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
  const jobs = new Set([
    ...setbacks.map(({ scope }) => scope),
    ...serialization.map(job => job.scope)
  ]);
  const scopes = jobs.size > 0 ? [...jobs].map(key => app.scopes.get(key)) : [scopeAtEnd(app)];
  return scopes.map(scope => heapFinding(app, scope, setbacks, evidence, exits, ended));
}

function heapFinding(
  app: Application,
  scope: Scope,
  all: readonly Setback[],
  proof: readonly Evidence[],
  exits: readonly DriverEnd[],
  ended: boolean
): Finding {
  const setbacks = all.filter(setback => setback.scope === scope.key);
  const heap = driverHeap(app);
  const limit = heap === null ? '' : ` (${memory(heap)})`;
  const results = setbacks.reduce((sum, { count }) => sum + count, 0);
  const certain = proof.length > 0;
  const consequence =
    results > 0
      ? `, so it could not fetch the results of ${plural(results, 'finished task attempt')}`
      : '';
  return finding(app, {
    code: 'driver-heap-oom',
    scope,
    confidence: certain ? 'certain' : 'likely',
    title: `The driver ${certain ? 'ran' : 'probably ran'} out of Java heap`,
    what: certain
      ? `the Java heap of the driver was full${limit}${consequence}`
      : `the results of ${plural(results, 'finished task attempt')} could not be fetched from executors that live, which mostly means that the Java heap of the driver was full${limit}`,
    setbacks,
    evidence: [...proof, ...setbacks.flatMap(({ evidence }) => evidence ?? [])],
    effects: [
      ...(results > 0 ? [`the results of ${plural(results, 'task attempt')} were lost`] : []),
      ...(ended ? lostWork(app) : [])
    ],
    advice: [
      {
        action: 'code',
        hint: 'collect-less',
        sentence:
          'Bring less into the notebook: aggregate, take a sample, or write the result as a table; and take what you fetch at once, for the driver keeps what waits to be taken.'
      },
      ...(heap === null ? [] : [moreHeapForDriver(heap)])
    ],
    count: Math.max(1, results, proof.length),
    failed: message => /TaskResultLost|Task serialization failed: java\.lang\.OutOf/.test(message),
    seen: exits.flatMap(({ at }) => at ?? []),
    severity: ended ? 'error' : 'warning'
  });
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
      scope: scopeAtEnd(app),
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

function lostWork(app: Application): string[] {
  const open = [...app.scopes].reduce((sum, { openJobs }) => sum + openJobs.size, 0);
  return [
    ...(open > 0 ? [`${plural(open, 'running job')} ended with it`] : []),
    'the session ended with it'
  ];
}

function driverHeap(app: Application): number | null {
  return app.driver.sample?.heapLimitMiB ?? parseMiB(app.conf['spark.driver.memory']);
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

/** How much more was wanted nobody knows: twice as much is the next step. */
function moreHeapForDriver(heapMiB: number): Advice {
  const heap = roundUp(2 * heapMiB);
  return {
    action: 'resize',
    shape: { driverMemoryMiB: heap },
    sentence: `Ask for ${memory(heap)} of Java heap for the driver in place of ${memory(heapMiB)}.`
  };
}
