import type { Confidence } from '@aglais/protocol';
import { exitCodeOf, verdictFromExitCode } from './executor-exit-codes.js';
import type { ExecutorLoss } from './executor-loss-cause.js';
import { formatDuration } from './format.js';

/** The cause of a loss, without the executor and the evidence. */
export type LossVerdict = Omit<ExecutorLoss, 'executor' | 'at' | 'evidence' | 'neverRegistered'>;

/** What was lost with an executor. */
export interface LossImpact {
  /** Running tasks, or output that was still needed. */
  anyWork: boolean;
  runningTasks: boolean;
  /** It exited before it registered: no work was lost, but the exit was not planned. */
  neverRegistered?: boolean;
  /** On Kubernetes a heartbeat timeout appears as "Executor killed by driver." */
  onKubernetes: boolean;
}

const SIZE = String.raw`([\d.]+) ?([KMGT]?)B`;

/** Messages of the NodeManager (Hadoop 2 and 3) and the YarnAllocator, and the codes of both kinds of kill. */
const YARN_KILL =
  /beyond (?:the )?'?(?:physical|virtual)'? memory limit|exceeding (?:physical |virtual )?memory limits|exit ?(?:code|status)(?: is)?:? ?-10[34]\b/i;

const YARN_SIZES = new RegExp(`${SIZE} of ${SIZE} (?:physical |virtual )?memory used`);

export const NOT_RESPONDING =
  'stopped responding to the driver, usually because of long garbage collection or swapping';

/** A verdict without details. */
export function lossVerdict(code: ExecutorLoss['code'], confidence: Confidence): LossVerdict {
  return { code, confidence, killer: null, what: '', usedMiB: null, limitMiB: null };
}

/** Interprets the reason of an `ExecutorRemoved` event, a task failure or YARN. Null: the removal was planned. */
export function verdictFromReason(reason: string, impact: LossImpact): LossVerdict | null {
  if (YARN_KILL.test(reason)) {
    const sizes = YARN_SIZES.exec(reason);
    return {
      ...lossVerdict('executor-oom-killed', 'certain'),
      killer: 'yarn',
      what: 'was killed by YARN for using more memory than granted',
      usedMiB: sizes && mib(sizes[1]!, sizes[2]!),
      limitMiB: sizes && mib(sizes[3]!, sizes[4]!)
    };
  }
  const evicted = evictionIn(reason);
  if (evicted) return evicted;
  // ContainerExitStatus.PREEMPTED is -102, DISKS_FAILED is -101.
  if (/was preempted\b|exit status: -102\b/i.test(reason)) {
    const what = 'was preempted by the cluster for work of higher priority';
    return { ...lossVerdict('executor-preempted', 'certain'), what };
  }
  if (
    /exit status: -101\b|local-dirs (?:are|have) (?:bad|errors)|No space left on device/i.test(
      reason
    )
  ) {
    const what = 'was lost because the disks of its node were full or broken';
    return { ...lossVerdict('disk-full', 'certain'), what };
  }
  const exit = exitCodeOf(reason);
  if (exit !== null) return verdictFromExitCode(exit, reason, impact);
  if (/heartbeat timed out/i.test(reason)) {
    if (!impact.anyWork) return null;
    const after = /timed out after (\d+) ms/.exec(reason)?.[1];
    const waited = after === undefined ? '' : ` for ${formatDuration(Number(after))}`;
    const what = NOT_RESPONDING.replace('driver,', `driver${waited},`);
    return { ...lossVerdict('executor-heartbeat-timeout', 'certain'), what };
  }
  if (!impact.anyWork) return null;
  if (/killed by driver/i.test(reason)) {
    // Idle executors are removed with this reason. With running tasks it masks a heartbeat timeout.
    if (!impact.runningTasks) return null;
    const what =
      'was removed by the driver while tasks were running on it; it had probably stopped responding';
    const sure = impact.onKubernetes ? 'likely' : 'possible';
    return { ...lossVerdict('executor-heartbeat-timeout', sure), what };
  }
  if (/shutdown|shutting down/i.test(reason)) {
    return { ...lossVerdict('executor-lost', 'likely'), what: 'was lost with its worker' };
  }
  if (/preempt/i.test(reason)) {
    const what = 'was removed by the cluster, usually for work of higher priority';
    return { ...lossVerdict('executor-preempted', 'likely'), what };
  }
  if (/lost node|exit status: -100\b|node .*(?:is lost|was lost|unhealthy)/i.test(reason)) {
    return { ...lossVerdict('executor-lost', 'likely'), what: 'was lost with its node' };
  }
  if (/decommission/i.test(reason)) {
    if (!impact.runningTasks) return null;
    return {
      ...lossVerdict('executor-lost', 'likely'),
      what: 'was decommissioned while running tasks'
    };
  }
  const message = reason.trim().split('\n')[0]!.slice(0, 160);
  const what = message === '' ? 'was lost, no reason given' : `was lost: "${message}"`;
  return { ...lossVerdict('executor-lost', 'likely'), what };
}

/** An eviction or preemption that Spark's text quotes from Kubernetes. */
function evictionIn(reason: string): LossVerdict | null {
  const brief =
    /(?:following brief reason: |"?reason"?: )(Evicted|NodeLost|Shutdown|NodeShutdown|Preempt\w*)\b/.exec(
      reason
    )?.[1];
  const message =
    /(?:Usage of EmptyDir volume [^\n]*? exceeds the limit [^\n]*?|Pod ephemeral local storage usage exceeds [^\n]*?|The node was low on resource: [^\n]*?)(?:\. |\.?\s*\n|\.?$)/m.exec(
      reason
    )?.[0];
  if (!brief && !message) return null;
  if (brief?.startsWith('Preempt')) {
    const what = 'was preempted by a pod of higher priority';
    return { ...lossVerdict('executor-preempted', 'certain'), what };
  }
  const why = firstSentence(message ?? brief!);
  return {
    ...lossVerdict('executor-evicted', 'certain'),
    what: `was evicted from its node (${why})`
  };
}

/** The first sentence without its full stop, for use in parentheses. */
export function firstSentence(text: string): string {
  return text
    .trim()
    .split(/(?<=\.)\s|\n/, 1)[0]!
    .replace(/\.$/, '')
    .slice(0, 160);
}

function mib(value: string, unit: string): number {
  return Number(value) * { '': 2 ** -20, K: 2 ** -10, M: 1, G: 1024, T: 2 ** 20 }[unit]!;
}
