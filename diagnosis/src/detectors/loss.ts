import type { Confidence, Evidence } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import type { ExecutorFacts, LossReason } from '../application/executors.js';
import type { Setback } from '../application/setbacks.js';
import type { CgroupObservation } from '../observation.js';

/** Why an executor went away, when that was not as it should be. */
export interface Loss {
  executor: ExecutorFacts;
  code: 'executor-oom-killed' | 'executor-heap-oom' | 'executor-lost';
  confidence: Confidence;
  at: number;
  /** Who killed it for memory. */
  killer: 'kernel' | 'kubernetes' | 'yarn' | null;
  /** A clause for people, its subject the executor: "was stopped by SIGTERM (exit code 143)". */
  what: string;
  /** Memory in use and limit by the killer's own words, MiB. */
  usedMiB: number | null;
  limitMiB: number | null;
  evidence: Evidence[];
}

type Verdict = Omit<Loss, 'executor' | 'at' | 'evidence'>;

/** What went down with an executor: running tasks, or at least output that was still wanted. */
interface Harm {
  any: boolean;
  tasks: boolean;
}

/** An OOM in a task and the end of its executor this close together are one incident, ms. */
const SAME_MOMENT_MS = 10_000;
/** Counters are read at least this often while an executor lives, ms. */
const AT_ONCE_MS = 2_000;
/** A stopped application takes down its executors within this time, ms. */
export const SHUTDOWN_MS = 10_000;

/** Exit codes of Spark's executors (ExecutorExitCode, SparkExitCode) and of signals (128 + n). */
const EXIT_CODES: Readonly<Record<number, string>> = {
  1: 'ended with an error of its own (exit code 1)',
  50: 'ended by an exception that nothing caught (exit code 50)',
  51: 'ended by an exception inside its exception handler (exit code 51)',
  53: 'could not make its scratch directory (exit code 53)',
  54: 'could not reach its external block store (exit code 54)',
  55: 'could not make a directory in its external block store (exit code 55)',
  56: 'could not reach the driver with its heartbeats and gave up (exit code 56)',
  57: 'was ended because a killed task would not stop (exit code 57)',
  134: 'crashed: the Java machine aborted (exit code 134, SIGABRT)',
  139: 'crashed: segmentation fault (exit code 139, SIGSEGV)',
  143: 'was stopped from outside (exit code 143, SIGTERM)'
};

/** Kinds of setback that an executor's end brings; the others happen while it lives. */
const DOWN_WITH_IT: ReadonlySet<Setback['kind']> = new Set(['lost', 'undone', 'fetch', 'rerun']);

/** Codes that no planned stop ever gives. */
const OF_ITS_OWN: ReadonlySet<number> = new Set([50, 51, 53, 54, 55, 57, 134, 139]);

const SIZE = String.raw`([\d.]+) ?([KMGT]?)B`;
const YARN_KILL = new RegExp(
  `beyond (?:the '?)?(?:physical|virtual) memory limit|exceeding (?:physical |virtual )?memory limits|[Ee]xit (?:code|status)(?: is)?:? ?-10[34]\\b`
);
const YARN_SIZES = new RegExp(`${SIZE} of ${SIZE} (?:physical |virtual )?memory used`);

/**
 * Why this executor was lost, by all that was observed; null if nobody says that it was, or if
 * that is how executors are meant to go: idle, decommissioned, or with their application.
 * @param setbacks those of this executor.
 */
export function lossOf(
  app: Application,
  executor: ExecutorFacts,
  setbacks: readonly Setback[]
): Loss | null {
  const { reasons } = executor;
  if (reasons.length === 0) return null;
  const harm: Harm = {
    any: setbacks.some(({ kind }) => DOWN_WITH_IT.has(kind)),
    tasks: setbacks.some(({ kind }) => kind === 'lost')
  };
  const at = executor.removedAt ?? Math.min(...reasons.map(reason => reason.at));
  const verdicts = reasons.map(reason => judge(reason.text, harm));
  const memory = verdicts.find(verdict => verdict !== null && verdict.code !== 'executor-lost');
  let verdict = memory ?? verdicts.find(one => one !== null) ?? null;
  const evidence = mostTelling(reasons);

  const heap = setbacks.find(
    ({ kind, lastSeen }) => kind === 'heap' && Math.abs(at - lastSeen) <= SAME_MOMENT_MS
  );
  // YARN's executors run with -XX:OnOutOfMemoryError='kill %p': their heap OOM looks like a signal.
  if (heap && verdict?.code !== 'executor-heap-oom') {
    verdict = { ...plain('executor-heap-oom', 'certain'), what: 'ran out of Java heap' };
  }
  if (verdict?.code === 'executor-oom-killed' && verdict.confidence !== 'certain') {
    const kill = killOf(executor, setbacks, at);
    if (kill) {
      verdict = { ...verdict, confidence: 'certain', killer: 'kernel', limitMiB: kill.limitMiB };
      verdict.what = "was killed by the kernel's out-of-memory killer";
      evidence.push({ source: 'cgroup', at: kill.at, quote: kill.quote, ref: kill.ref });
    } else {
      const last = executor.memory.cgroup;
      if (last && last.at >= at && last.oomKills === 0) {
        verdict = plain('executor-lost', 'likely');
        verdict.what =
          'was killed from outside (exit code 137, SIGKILL); not for memory, says its cgroup';
        evidence.push({ source: 'cgroup', at: last.at, quote: last.quote, ref: last.ref });
      }
    }
  }
  if (!verdict || isShutdown(app, verdict, setbacks, at)) return null;
  return { ...verdict, executor, at, evidence };
}

function plain(code: Loss['code'], confidence: Confidence): Verdict {
  return { code, confidence, killer: null, what: '', usedMiB: null, limitMiB: null };
}

/** What one reason text says. Null: nothing went wrong. */
function judge(reason: string, harm: Harm): Verdict | null {
  if (YARN_KILL.test(reason)) {
    const sizes = YARN_SIZES.exec(reason);
    return {
      ...plain('executor-oom-killed', 'certain'),
      killer: 'yarn',
      what: 'was killed by YARN for using more memory than granted',
      usedMiB: sizes && mib(sizes[1]!, sizes[2]!),
      limitMiB: sizes && mib(sizes[3]!, sizes[4]!)
    };
  }
  const exit = /\bexit(?:ed with)?(?: exit)? ?(?:code|status)(?: is)?:? ?(\d+)/i.exec(reason);
  if (exit) return judgeExit(Number(exit[1]), reason, harm);
  if (/heartbeat timed out/i.test(reason)) {
    if (!harm.any) return null;
    const what =
      'stopped answering the driver, mostly a sign of long garbage collection or swapping';
    return { ...plain('executor-lost', 'likely'), what };
  }
  if (!harm.any) return null;
  if (/killed by driver/i.test(reason)) {
    // Idle executors are taken back like this. With tasks on it, it masks a lost heartbeat.
    if (!harm.tasks) return null;
    const what =
      'was given up by the driver while tasks ran on it; it had probably stopped answering';
    return { ...plain('executor-lost', 'possible'), what };
  }
  if (/shutdown|shutting down/i.test(reason)) {
    return { ...plain('executor-lost', 'likely'), what: 'went away with its worker' };
  }
  if (/preempt/i.test(reason)) {
    const what = 'was pushed out by the cluster for work of higher priority';
    return { ...plain('executor-lost', 'likely'), what };
  }
  if (/decommission/i.test(reason)) {
    if (!harm.tasks) return null;
    return { ...plain('executor-lost', 'likely'), what: 'was taken out of service at work' };
  }
  const said = reason.trim().split('\n')[0]!.slice(0, 160);
  const what = said === '' ? 'went away without a word' : `went away: "${said}"`;
  return { ...plain('executor-lost', 'likely'), what };
}

function judgeExit(code: number, reason: string, harm: Harm): Verdict | null {
  if (code === 52) {
    return { ...plain('executor-heap-oom', 'certain'), what: 'ran out of Java heap' };
  }
  if (code === 137) {
    // OOMKilled with another exit code means that a child was killed earlier: only 137 is its end.
    const stated = /termination reason: OOMKilled/.test(reason);
    return {
      ...plain('executor-oom-killed', stated ? 'certain' : 'likely'),
      killer: stated ? 'kubernetes' : null,
      what: stated
        ? "was killed by the kernel's out-of-memory killer"
        : 'was killed by SIGKILL (exit code 137), which is mostly the kernel when memory runs out'
    };
  }
  if (!harm.any) return null;
  const what = EXIT_CODES[code] ?? `ended with exit code ${code}`;
  return { ...plain('executor-lost', OF_ITS_OWN.has(code) ? 'certain' : 'likely'), what };
}

/**
 * The kernel's kill that ended this executor's JVM, if its cgroup counted one. Under cgroup v1 the
 * kernel kills one process: kills that a vanished Python worker explains do not count, unless the
 * last one was first counted when the executor ended, long after the last worker had vanished.
 */
function killOf(
  executor: ExecutorFacts,
  setbacks: readonly Setback[],
  at: number
): CgroupObservation | null {
  const { kills, oomKills } = executor.memory;
  const last = kills.get(oomKills);
  if (!last) return null;
  const crashes = setbacks.filter(({ kind }) => kind === 'crash');
  const count = crashes.reduce((sum, crash) => sum + crash.count, 0);
  if (oomKills > count) return last;
  const lastCrash = Math.max(...crashes.map(crash => crash.lastSeen));
  return last.at >= at - AT_ONCE_MS && lastCrash < at - 2 * AT_ONCE_MS ? last : null;
}

/**
 * The noise of an application being stopped: executors end by signal or with their worker, and
 * nothing that was still wanted was lost. A kill for memory or a full heap is never that.
 */
function isShutdown(
  app: Application,
  verdict: Verdict,
  setbacks: readonly Setback[],
  at: number
): boolean {
  const certain = verdict.confidence === 'certain';
  if (!setbacks.some(({ kind }) => DOWN_WITH_IT.has(kind)))
    return !(certain && verdict.code !== 'executor-lost');
  if (certain || app.shutdownAt === null || at < app.shutdownAt - SHUTDOWN_MS) return false;
  const jobs = setbacks.flatMap(setback => [...setback.jobs]).map(id => app.jobs.get(id));
  return !jobs.some(job => job?.result === 'succeeded' || job?.result === 'failed');
}

/** The removal's own reason first; a task's reason only if there is no other. */
function mostTelling(reasons: readonly LossReason[]): Evidence[] {
  const removed = reasons.filter(reason => reason.from === 'removed');
  return (removed.length > 0 ? removed : reasons).map(reason => reason.evidence);
}

function mib(figure: string, unit: string): number {
  return Number(figure) * { '': 2 ** -20, K: 2 ** -10, M: 1, G: 1024, T: 2 ** 20 }[unit]!;
}
