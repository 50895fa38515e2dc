import type { Advice, Confidence, Evidence, Finding } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import { parseMiB } from '../application/conf.js';
import type { PodFacts } from '../application/pods.js';
import { APPLICATION_SCOPE, type Scope } from '../application/scopes.js';
import type { Setback } from '../application/setbacks.js';
import { isMaster } from '../evidence/yarn.js';
import { roundUp } from './advice.js';
import { finding } from './draft.js';
import { oomEnd, ownPods, unaskedEnd } from './pods.js';
import { judge } from './reasons.js';
import { memory, plural } from './words.js';

/** How the driver ended, by its container, YARN or its cgroup. */
interface DriverEnd {
  exitCode: number | null;
  oom: Confidence | null;
  at: number | null;
  evidence: Evidence;
  pod: PodFacts | null;
  limitMiB: number | null;
}

/** Exit codes: ExecutorExitCode.OOM, and SparkExitCode.EXCEED_MAX_EXECUTOR_FAILURES. */
const HEAP = 52;
const TOO_MANY_FAILURES = 11;

/** What became of the driver itself, and of the notebook's kernel. */
export function driverFindings(app: Application, unexplained: readonly Setback[]): Finding[] {
  const ends = driverEnds(app);
  return [
    ...driverOomKilled(app, ends),
    ...driverHeapOom(app, ends, unexplained),
    ...tooManyExecutorFailures(app, ends),
    ...kernelOomKilled(app)
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
  const certain = evidence.length > 0;
  if (!certain && failedByIt.length === 0) return [];
  const setbacks = certain ? lost : failedByIt;
  const jobs = new Set([
    ...setbacks.map(({ scope }) => scope),
    ...serialization.map(job => job.scope)
  ]);
  const scopes = jobs.size > 0 ? [...jobs].map(key => app.scopes.get(key)) : [scopeAtEnd(app)];
  return scopes.map(scope => heapFinding(app, scope, setbacks, evidence, exits));
}

function heapFinding(
  app: Application,
  scope: Scope,
  all: readonly Setback[],
  proof: readonly Evidence[],
  exits: readonly DriverEnd[]
): Finding {
  const setbacks = all.filter(setback => setback.scope === scope.key);
  const heap = driverHeap(app);
  const limit = heap === null ? '' : ` (${memory(heap)})`;
  const results = setbacks.reduce((sum, { count }) => sum + count, 0);
  const certain = proof.length > 0;
  const consequence =
    results > 0 ? `, so it could not fetch the results of ${plural(results, 'finished task')}` : '';
  return finding(app, {
    code: 'driver-heap-oom',
    scope,
    confidence: certain ? 'certain' : 'likely',
    title: `The driver ${certain ? 'ran' : 'probably ran'} out of Java heap`,
    what: certain
      ? `the Java heap of the driver was full${limit}${consequence}`
      : `the results of ${plural(results, 'finished task')} could not be fetched from executors that live, which mostly means that the Java heap of the driver was full${limit}`,
    setbacks,
    evidence: [...proof, ...setbacks.flatMap(({ evidence }) => evidence ?? [])],
    effects: [
      ...(results > 0 ? [`the results of ${plural(results, 'task')} were lost`] : []),
      ...(exits.length > 0 ? lostWork(app) : [])
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
    severity: exits.length > 0 ? 'error' : 'warning'
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

/** The notebook's own process was killed: its pod says so, or its cgroup counted a kill. */
function kernelOomKilled(app: Application): Finding[] {
  const pods = ownPods(app).filter(({ role }) => role === 'kernel');
  const found = pods
    .map(({ facts }) => ({ facts, end: oomEnd(facts) }))
    .find(({ end }) => end !== null);
  const { kills, oomKills } = app.kernel;
  const kill = kills.get(oomKills);
  if (!found && !kill) return [];
  const limit = found?.facts.limitMiB ?? app.kernel.limitMiB;
  const certain = found !== undefined || kernelIsGone(app);
  const evidence: Evidence[] = [
    ...(found ? [found.end!.evidence] : []),
    ...(kill ? [{ source: 'cgroup' as const, at: kill.at, quote: kill.quote, ref: kill.ref }] : [])
  ];
  return [
    finding(app, {
      code: 'kernel-oom-killed',
      scope: scopeAtEnd(app),
      confidence: certain ? 'certain' : 'likely',
      title: `The notebook's kernel was killed${certain ? '' : ', probably'} for lack of memory`,
      what:
        `the kernel's out-of-memory killer killed ${certain ? "the notebook's own process" : 'a process of the notebook, probably its kernel'}` +
        (limit === null ? '' : ` (limit ${memory(limit)})`),
      more: ['All variables of the notebook are gone with it; Spark itself was not the cause.'],
      setbacks: [],
      evidence,
      effects: [],
      advice: [
        {
          action: 'code',
          hint: 'collect-less',
          sentence:
            `Keep large tables in Spark and bring only what you plot into the notebook` +
            (limit === null ? '.' : `: it has ${memory(limit)} for everything in it.`)
        }
      ],
      count: Math.max(1, oomKills),
      failed: () => false,
      seen: evidence.flatMap(({ at }) => at ?? []),
      severity: 'error',
      ...(found && { pod: found.facts.name })
    })
  ];
}

function driverEnds(app: Application): DriverEnd[] {
  const ends: DriverEnd[] = [];
  for (const { facts, role } of ownPods(app)) {
    if (role !== 'driver') continue;
    const oom = oomEnd(facts);
    const end = oom ?? unaskedEnd(facts);
    if (!end) continue;
    ends.push({
      exitCode: end.exitCode,
      // SIGKILL without the kubelet's word: from anybody. The application's end would have been logged.
      oom: oom ? 'certain' : null,
      at: end.at,
      evidence: end.evidence,
      pod: facts,
      limitMiB: facts.limitMiB
    });
  }
  ends.push(...masterEnds(app));
  const { kills, oomKills } = app.driver;
  const kill = kills.get(oomKills);
  // A kill in the driver's cgroup is the driver's unless it goes on living.
  if (kill && app.endedAt === null && (app.over || goneFor(app).length > 0)) {
    const evidence: Evidence = { source: 'cgroup', at: kill.at, quote: kill.quote, ref: kill.ref };
    ends.push({
      exitCode: null,
      oom: 'certain',
      at: kill.at,
      evidence,
      pod: null,
      limitMiB: kill.limitMiB
    });
  }
  return ends;
}

/** In YARN's cluster mode the ApplicationMaster is the driver. */
function masterEnds(app: Application): DriverEnd[] {
  if (app.conf['spark.submit.deployMode'] !== 'cluster') return [];
  const harm = { any: true, tasks: true, kubernetes: false };
  return [...app.accounts.yarn.values()].flatMap(said => {
    const { application, container, diagnostics, at, ref } = said;
    if (application !== null && app.id !== null && application !== app.id) return [];
    const about = container ?? /container_\w+/.exec(diagnostics)?.[0] ?? null;
    if (about === null ? !/AM Container/.test(diagnostics) : !isMaster(about)) return [];
    const verdict = judge(diagnostics, harm);
    const exit = /exit ?(?:code|status): ?(-?\d+)/i.exec(diagnostics)?.[1];
    return [
      {
        exitCode: exit === undefined ? null : Number(exit),
        oom: verdict?.code === 'executor-oom-killed' ? verdict.confidence : null,
        at,
        evidence: { source: 'container', at, quote: diagnostics, ref } satisfies Evidence,
        pod: null,
        limitMiB: verdict?.limitMiB ?? null
      }
    ];
  });
}

/** The cell that was at work when it all ended, if it was only one; else nobody's. */
function scopeAtEnd(app: Application): Scope {
  const working = [...app.scopes].filter(
    scope =>
      scope.key !== APPLICATION_SCOPE && (scope.openJobs.size > 0 || scope.outcome === 'running')
  );
  return working.length === 1 ? working[0]! : app.scopes.get(APPLICATION_SCOPE);
}

/** What the client heard when the driver was gone. */
export function goneFor(app: Application): Evidence[] {
  return ['session-gone' as const, 'session-lost' as const]
    .flatMap(claim => app.accounts.of(claim))
    .map(({ evidence }) => evidence);
}

function lostWork(app: Application): string[] {
  const open = [...app.scopes].reduce((sum, { openJobs }) => sum + openJobs.size, 0);
  return [
    ...(open > 0 ? [`${plural(open, 'running job')} ended with it`] : []),
    'the session ended with it'
  ];
}

function kernelIsGone(app: Application): boolean {
  return [...app.scopes].some(({ error }) =>
    /DeadKernel|kernel (?:died|is dead|was killed|has died)/i.test(
      `${error?.name ?? ''} ${error?.message ?? ''}`
    )
  );
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
