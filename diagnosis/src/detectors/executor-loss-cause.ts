import type { Confidence, Evidence } from '@aglais/protocol';
import type { Application } from '../application/application.js';
import type { ExecutorFacts, LossReason } from '../application/executors.js';
import type { LostWork } from '../application/lost-work.js';
import type { PodFacts } from '../application/pod-facts.js';
import type { CgroupObservation } from '../observation.js';
import { disruption, isOom, oomEnd, unexpectedEnd } from './container-ends.js';
import { exitCodeOf, verdictFromExitCode } from './executor-exit-codes.js';
import {
  applicationEnd,
  exitBeforeRegistration,
  hasNeverRegistered,
  lastLines
} from './never-registered.js';
import { LOST_WITH_EXECUTOR, isShutdown } from './normal-shutdown.js';
import {
  firstSentence,
  type LossImpact,
  type LossVerdict,
  NOT_RESPONDING,
  lossVerdict,
  verdictFromReason
} from './removal-reasons.js';

/** An unplanned loss of an executor, and its cause. */
export interface ExecutorLoss {
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
  /** It exited before it registered with the driver, so it never ran a task. */
  neverRegistered: boolean;
  /** What enforced the memory limit. */
  killer: 'kernel' | 'kubernetes' | 'yarn' | null;
  /** A clause with the executor as its subject: "was stopped by SIGTERM (exit code 143)". */
  what: string;
  /** Memory in use and limit according to the killer, MiB. */
  usedMiB: number | null;
  limitMiB: number | null;
  evidence: Evidence[];
}

/** An OutOfMemoryError in a task and the end of its executor within this time are one incident, ms. */
const SAME_MOMENT_MS = 10_000;

/** Counters are read at least this often while an executor runs, ms. */
const COUNTER_INTERVAL_MS = 2_000;

/** What sources other than the event log report about an executor. */
export interface ExecutorReports {
  pod: PodFacts | null;
  /** YARN's diagnostics of its container. */
  yarn: Evidence[];
  /** From its own log. */
  heap: Evidence | null;
  heartbeat: Evidence | null;
}

/**
 * Why this executor was lost, according to all observations. Null if it was not lost, or if the removal
 * was planned: idle, decommissioned, or at the end of the application.
 *
 * Precedence: the pod's own status before Spark's text about it (Spark quotes the same status, but only if it
 * arrived in time), a full heap before a signal (YARN's executors run with `-XX:OnOutOfMemoryError='kill %p'`),
 * the most certain of Spark's reasons, then the cgroup counters.
 * @param all lostWork of this executor.
 */
export function executorLoss(
  app: Application,
  executor: ExecutorFacts,
  all: readonly LostWork[],
  reports: ExecutorReports
): ExecutorLoss | null {
  const { reasons } = executor;
  const removedAt = executor.removedAt ?? reasons[0]?.at ?? Infinity;
  const lostWork = all.filter(
    entry => entry.kind !== 'result-lost' || isLostWith(entry, removedAt)
  );
  const neverRegistered = reports.pod !== null && hasNeverRegistered(app, executor.id);
  const impact: LossImpact = {
    neverRegistered,
    anyWork: lostWork.some(({ kind }) => LOST_WITH_EXECUTOR.has(kind)),
    runningTasks: lostWork.some(({ kind }) => kind === 'lost'),
    onKubernetes: (app.conf['spark.master'] ?? '').startsWith('k8s')
  };
  const evidence = removalEvidence(reasons);
  const podCause = podVerdict(reports.pod, impact);
  // Spark deleted it before it registered: that exit was planned.
  if (neverRegistered && !podCause && reports.pod?.deletedAt !== null) return null;
  const verdicts = reasons.map(reason => verdictFromReason(reason.text, impact));
  const yarn = reports.yarn.map(({ quote }) => verdictFromReason(quote, impact));
  let verdict = mostCertainVerdict([...yarn, ...verdicts]);
  if (verdict && yarn.includes(verdict)) evidence.push(...reports.yarn);
  const times = [
    executor.removedAt ?? [],
    podCause?.evidence.at ?? [],
    reasons.map(({ at }) => at)
  ];
  const at = times.flat()[0] ?? app.now;

  const heap = lostWork.find(
    ({ kind, lastSeen }) => kind === 'heap' && Math.abs(at - lastSeen) <= SAME_MOMENT_MS
  );
  if (podCause) {
    // The status may name only the signal; then Spark's reason is as good, unless it takes a
    // SIGKILL for an OOM kill, which the kubelet would have reported.
    const guess = verdict?.code === 'executor-lost' || isInferredOomKill(verdict);
    if (podCause.verdict.confidence === 'certain' || !verdict || guess) verdict = podCause.verdict;
    evidence.push(podCause.evidence);
  }
  const notMemory = podCause !== null && podCause.verdict.code !== 'executor-lost';
  if (!notMemory && verdict?.code !== 'executor-heap-oom') {
    const own = verdict !== null && verdict.confidence !== 'certain' ? reports.heap : null;
    if (heap || own) {
      verdict = { ...lossVerdict('executor-heap-oom', 'certain'), what: 'ran out of Java heap' };
    }
    if (own) evidence.push(own);
  }
  if (verdict?.code === 'executor-heartbeat-timeout' && reports.heartbeat) {
    verdict = { ...verdict, confidence: 'certain', what: NOT_RESPONDING };
    evidence.push(reports.heartbeat);
  }
  if (verdict?.code === 'executor-oom-killed' && verdict.confidence !== 'certain') {
    const kill = killOf(executor, lostWork, at) ?? sharedKill(app);
    if (kill) {
      verdict = { ...verdict, confidence: 'certain', killer: 'kernel', limitMiB: kill.limitMiB };
      verdict.what = 'was killed by the Linux OOM killer';
      // Cgroup files have no timestamp.
      evidence.push({ source: 'cgroup', at: kill.at || null, quote: kill.quote, ref: kill.ref });
    } else {
      const last = executor.memory.cgroup;
      if (last && last.at >= at && last.oomKills === 0) {
        verdict = lossVerdict('executor-lost', 'likely');
        verdict.what =
          'was killed by SIGKILL (exit code 137); according to its cgroup it was not an OOM kill';
        evidence.push({ source: 'cgroup', at: last.at, quote: last.quote, ref: last.ref });
      }
    }
  }
  if (
    !verdict ||
    (neverRegistered ? at >= applicationEnd(app) : isShutdown(app, verdict, lostWork, at))
  )
    return null;
  if (neverRegistered) {
    verdict.what += ' before it registered with the driver';
    // That it never registered is certain once the log has continued; an OOM kill is certain immediately.
    const { pod } = reports;
    if (pod && !oomEnd(pod) && !disruption(pod)) {
      verdict.confidence = app.now > at ? 'certain' : 'likely';
    }
  }
  return { ...verdict, executor, at, neverRegistered, evidence };
}

/** Results that are lost while their executor is alive were lost by the driver, not with the executor. */
export function isLostWith(results: LostWork, removedAt: number): boolean {
  return results.lastSeen >= removedAt - COUNTER_INTERVAL_MS;
}

const CONFIDENCE_ORDER: readonly Confidence[] = ['certain', 'likely', 'possible'];

/** Memory first, then the mostCertain; of equally sure ones the first. */
function mostCertainVerdict(verdicts: readonly (LossVerdict | null)[]): LossVerdict | null {
  const rank = ({ code, confidence }: LossVerdict): number =>
    (code === 'executor-lost' ? 1.5 : 0) + CONFIDENCE_ORDER.indexOf(confidence);
  return verdicts.reduce((a, b) => (a && (!b || rank(a) <= rank(b)) ? a : b), null);
}

function isInferredOomKill(verdict: LossVerdict | null): boolean {
  return verdict?.code === 'executor-oom-killed' && verdict.confidence !== 'certain';
}

/** The cause according to the status of its pod; null if the pod ended as planned. */
function podVerdict(
  pod: PodFacts | null,
  impact: LossImpact
): { verdict: LossVerdict; evidence: Evidence } | null {
  if (!pod) return null;
  const disrupted = disruption(pod);
  if (disrupted) {
    const { reason, message } = disrupted.note;
    const what =
      disrupted.kind === 'preempted'
        ? 'was preempted by a pod of higher priority'
        : `was evicted from its node (${firstSentence(message ?? reason)})`;
    const code = disrupted.kind === 'preempted' ? 'executor-preempted' : 'executor-evicted';
    return {
      verdict: { ...lossVerdict(code, 'certain'), what },
      evidence: disrupted.note.evidence
    };
  }
  const early = impact.neverRegistered ? exitBeforeRegistration(pod) : null;
  // Before registration no tasks run in the container: the killed process was the executor itself.
  const oom = impact.neverRegistered ? early && isOom(early) && early : oomEnd(pod);
  if (oom) {
    const what = 'was killed by the Linux OOM killer';
    const limit = { killer: 'kernel' as const, limitMiB: pod.limits.at(oom.at) };
    return {
      verdict: { ...lossVerdict('executor-oom-killed', 'certain'), ...limit, what },
      evidence: oom.evidence
    };
  }
  const end = impact.neverRegistered ? early : unexpectedEnd(pod);
  if (!end || isOom(end)) return null;
  const judged = verdictFromExitCode(
    end.exitCode,
    `termination reason: ${end.reason ?? ''}`,
    impact
  );
  if (!judged) return null;
  const log = impact.neverRegistered ? lastLines(end) : null;
  return {
    verdict: judged,
    evidence: log === null ? end.evidence : { ...end.evidence, quote: log }
  };
}

/** A cgroup shared by all executors counted at least as many OOM kills as executors ended by SIGKILL. */
function sharedKill(app: Application): CgroupObservation | null {
  const { kills, oomKills } = app.sharedCgroup;
  const last = kills.get(oomKills);
  if (!last) return null;
  const killed = [...app.executors].filter(({ reasons }) =>
    reasons.some(({ text }) => exitCodeOf(text) === 137)
  );
  return oomKills >= killed.length ? last : null;
}

/**
 * The OOM kill that ended this executor's JVM, if its cgroup counted one. Under cgroup v1 Linux kills a
 * single process: kills that a dead Python worker explains do not count, unless the last one was first
 * counted when the executor ended, long after the last worker had died.
 */
function killOf(
  executor: ExecutorFacts,
  lostWork: readonly LostWork[],
  at: number
): CgroupObservation | null {
  const { kills, oomKills } = executor.memory;
  const last = kills.get(oomKills);
  if (!last) return null;
  const crashes = lostWork.filter(({ kind }) => kind === 'crash');
  const count = crashes.reduce((sum, crash) => sum + crash.count, 0);
  if (oomKills > count) return last;
  const lastCrash = Math.max(...crashes.map(crash => crash.lastSeen));
  return last.at >= at - COUNTER_INTERVAL_MS && lastCrash < at - 2 * COUNTER_INTERVAL_MS
    ? last
    : null;
}

/** The reasons of the removal; those of tasks only if there is none. */
function removalEvidence(reasons: readonly LossReason[]): Evidence[] {
  const removed = reasons.filter(reason => reason.from === 'removed');
  return (removed.length > 0 ? removed : reasons).map(reason => reason.evidence);
}
