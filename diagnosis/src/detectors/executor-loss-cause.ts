import type { Confidence, Evidence } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import type { ExecutorFacts, LossReason } from '../application/executors.js';
import type { PodFacts } from '../application/pod-facts.js';
import type { Setback } from '../application/lost-work.js';
import type { CgroupObservation } from '../observation.js';
import { disruption, isOom, oomEnd, unaskedEnd } from './container-ends.js';
import {
  exitCodeOf,
  firstSentence,
  judge,
  judgeExit,
  plain,
  SILENT,
  type Harm,
  type Verdict
} from './removal-reasons.js';
import { endOf, isUnmet, lastLines, unmetEnd } from './never-registered.js';

/** Why an executor went away, when that was not as it should be. */
export interface Loss {
  executor: ExecutorFacts;
  code:
    | 'executor-oom-killed'
    | 'executor-heap-oom'
    | 'executor-lost'
    | 'executor-heartbeat-timeout'
    | 'executor-evicted'
    | 'executor-preempted'
    | 'disk-full';
  confidence: Confidence;
  at: number;
  /** Spark had not met it: it could not work at all. */
  unmet: boolean;
  /** Who killed it for memory. */
  killer: 'kernel' | 'kubernetes' | 'yarn' | null;
  /** A clause for people, its subject the executor: "was stopped by SIGTERM (exit code 143)". */
  what: string;
  /** Memory in use and limit by the killer's own words, MiB. */
  usedMiB: number | null;
  limitMiB: number | null;
  evidence: Evidence[];
}

/** An OOM in a task and the end of its executor this close together are one incident, ms. */
const SAME_MOMENT_MS = 10_000;
/** Counters are read at least this often while an executor lives, ms. */
const AT_ONCE_MS = 2_000;
/** A stopped application takes down its executors within this time, ms. */
export const SHUTDOWN_MS = 10_000;

/** Kinds of setback that an executor's end brings; the others happen while it lives. */
const DOWN_WITH_IT: ReadonlySet<Setback['kind']> = new Set([
  'lost',
  'undone',
  'fetch',
  'rerun',
  'result-lost'
]);

/** What others than the event log know of an executor. */
export interface Witnesses {
  pod: PodFacts | null;
  /** YARN's words about its container. */
  yarn: Evidence[];
  /** Its own log, or the driver's about it. */
  heap: Evidence | null;
  heartbeat: Evidence | null;
}

/**
 * Why this executor was lost, by all that was observed; null if nobody says that it was, or if
 * that is how executors are meant to go: idle, decommissioned, or with their application.
 *
 * Who is believed: the pod's own status before Spark's text about it (Spark quotes the same status,
 * but only if it came in time), a full heap before a signal (YARN's executors run with
 * `-XX:OnOutOfMemoryError='kill %p'`), the surest of Spark's own reasons; then the counters.
 * @param all setbacks of this executor.
 */
export function lossOf(
  app: Application,
  executor: ExecutorFacts,
  all: readonly Setback[],
  witnesses: Witnesses
): Loss | null {
  const { reasons } = executor;
  const removedAt = executor.removedAt ?? reasons[0]?.at ?? Infinity;
  const setbacks = all.filter(
    setback => setback.kind !== 'result-lost' || isLostWith(setback, removedAt)
  );
  const unmet = witnesses.pod !== null && isUnmet(app, executor.id);
  const harm: Harm = {
    unmet,
    any: setbacks.some(({ kind }) => DOWN_WITH_IT.has(kind)),
    tasks: setbacks.some(({ kind }) => kind === 'lost'),
    kubernetes: (app.conf['spark.master'] ?? '').startsWith('k8s')
  };
  const evidence = mostTelling(reasons);
  const seen = podVerdict(witnesses.pod, harm);
  // Spark took it back before it had come: what it says of its end then is how it was meant.
  if (unmet && !seen && witnesses.pod?.deletedAt !== null) return null;
  const said = reasons.map(reason => judge(reason.text, harm));
  const yarn = witnesses.yarn.map(({ quote }) => judge(quote, harm));
  let verdict = surestOf([...yarn, ...said]);
  if (verdict && yarn.includes(verdict)) evidence.push(...witnesses.yarn);
  const times = [executor.removedAt ?? [], seen?.evidence.at ?? [], reasons.map(({ at }) => at)];
  const at = times.flat()[0] ?? app.now;

  const heap = setbacks.find(
    ({ kind, lastSeen }) => kind === 'heap' && Math.abs(at - lastSeen) <= SAME_MOMENT_MS
  );
  if (seen) {
    // The status may name nobody but the signal; then Spark's own account is as good, unless it
    // takes a SIGKILL for one of memory, which the kubelet would have said.
    const guess = verdict?.code === 'executor-lost' || isGuessedKill(verdict);
    if (seen.verdict.confidence === 'certain' || !verdict || guess) verdict = seen.verdict;
    evidence.push(seen.evidence);
  }
  const notMemory = seen !== null && seen.verdict.code !== 'executor-lost';
  if (!notMemory && verdict?.code !== 'executor-heap-oom') {
    const own = verdict !== null && verdict.confidence !== 'certain' ? witnesses.heap : null;
    if (heap || own) {
      verdict = { ...plain('executor-heap-oom', 'certain'), what: 'ran out of Java heap' };
    }
    if (own) evidence.push(own);
  }
  if (verdict?.code === 'executor-heartbeat-timeout' && witnesses.heartbeat) {
    verdict = { ...verdict, confidence: 'certain', what: SILENT };
    evidence.push(witnesses.heartbeat);
  }
  if (verdict?.code === 'executor-oom-killed' && verdict.confidence !== 'certain') {
    const kill = killOf(executor, setbacks, at) ?? sharedKill(app);
    if (kill) {
      verdict = { ...verdict, confidence: 'certain', killer: 'kernel', limitMiB: kill.limitMiB };
      verdict.what = "was killed by the kernel's out-of-memory killer";
      // Files of a cgroup have no time of their own.
      evidence.push({ source: 'cgroup', at: kill.at || null, quote: kill.quote, ref: kill.ref });
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
  if (!verdict || (unmet ? at >= endOf(app) : isShutdown(app, verdict, setbacks, at))) return null;
  if (unmet) {
    verdict.what += ' before reporting to the driver';
    // That it never did is sure once the log has gone on; what the kernel did is sure at once.
    const { pod } = witnesses;
    if (pod && !oomEnd(pod) && !disruption(pod)) {
      verdict.confidence = app.now > at ? 'certain' : 'likely';
    }
  }
  return { ...verdict, executor, at, unmet, evidence };
}

/** Results that are lost while their executor lives were lost by the driver, not by its end later. */
export function isLostWith(results: Setback, removedAt: number): boolean {
  return results.lastSeen >= removedAt - AT_ONCE_MS;
}

const ORDER: readonly Confidence[] = ['certain', 'likely', 'possible'];

/** Memory first, then the surest; of equally sure ones the first. */
function surestOf(verdicts: readonly (Verdict | null)[]): Verdict | null {
  const rank = ({ code, confidence }: Verdict): number =>
    (code === 'executor-lost' ? 1.5 : 0) + ORDER.indexOf(confidence);
  return verdicts.reduce((a, b) => (a && (!b || rank(a) <= rank(b)) ? a : b), null);
}

function isGuessedKill(verdict: Verdict | null): boolean {
  return verdict?.code === 'executor-oom-killed' && verdict.confidence !== 'certain';
}

/** What the status of its pod says, if it ended in another way than it should. */
function podVerdict(
  pod: PodFacts | null,
  harm: Harm
): { verdict: Verdict; evidence: Evidence } | null {
  if (!pod) return null;
  const pushed = disruption(pod);
  if (pushed) {
    const { reason, message } = pushed.note;
    const what =
      pushed.kind === 'preempted'
        ? 'was pushed out for a pod of higher priority'
        : `was evicted from its node (${firstSentence(message ?? reason)})`;
    const code = pushed.kind === 'preempted' ? 'executor-preempted' : 'executor-evicted';
    return { verdict: { ...plain(code, 'certain'), what }, evidence: pushed.note.evidence };
  }
  const early = harm.unmet ? unmetEnd(pod) : null;
  // Nobody works in a container that Spark has not met: whoever was killed in it was the executor itself.
  const oom = harm.unmet ? early && isOom(early) && early : oomEnd(pod);
  if (oom) {
    const what = "was killed by the kernel's out-of-memory killer";
    const limit = { killer: 'kernel' as const, limitMiB: pod.limits.at(oom.at) };
    return {
      verdict: { ...plain('executor-oom-killed', 'certain'), ...limit, what },
      evidence: oom.evidence
    };
  }
  const end = harm.unmet ? early : unaskedEnd(pod);
  if (!end || isOom(end)) return null;
  const judged = judgeExit(end.exitCode, `termination reason: ${end.reason ?? ''}`, harm);
  if (!judged) return null;
  const words = harm.unmet ? lastLines(end) : null;
  return {
    verdict: judged,
    evidence: words === null ? end.evidence : { ...end.evidence, quote: words }
  };
}

/** One cgroup for all executors counted kills: as many as executors that went by SIGKILL, or more. */
function sharedKill(app: Application): CgroupObservation | null {
  const { kills, oomKills } = app.together;
  const last = kills.get(oomKills);
  if (!last) return null;
  const killed = [...app.executors].filter(({ reasons }) =>
    reasons.some(({ text }) => exitCodeOf(text) === 137)
  );
  return oomKills >= killed.length ? last : null;
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
  const harmless = !setbacks.some(({ kind }) => DOWN_WITH_IT.has(kind));
  if (harmless && app.endedAt !== null && at > app.endedAt) return true;
  if (harmless) return !(certain && verdict.code !== 'executor-lost');
  if (certain || app.shutdownAt === null || at < app.shutdownAt - SHUTDOWN_MS) return false;
  const jobs = setbacks.flatMap(setback => [...setback.jobs]).map(id => app.jobs.get(id));
  return !jobs.some(job => job?.result === 'succeeded' || job?.result === 'failed');
}

/** The removal's own reason first; a task's reason only if there is no other. */
function mostTelling(reasons: readonly LossReason[]): Evidence[] {
  const removed = reasons.filter(reason => reason.from === 'removed');
  return (removed.length > 0 ? removed : reasons).map(reason => reason.evidence);
}
