import type { Confidence } from '@aglais/protocol';
import type { Loss } from './executor-loss-cause.js';
import { duration } from './format.js';

/** What is to be thought of a loss, without the executor and the evidence. */
export type Verdict = Omit<Loss, 'executor' | 'at' | 'evidence' | 'unmet'>;

/** What went down with an executor: running tasks, or at least output that was still wanted. */
export interface Harm {
  any: boolean;
  tasks: boolean;
  /** It ended before Spark had met it: nothing could go down with it, and yet it should have lived. */
  unmet?: boolean;
  /** Kubernetes masks a lost heartbeat as a kill by the driver. */
  kubernetes: boolean;
}

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

/** Codes that no planned stop ever gives. */
const OF_ITS_OWN: ReadonlySet<number> = new Set([50, 51, 53, 54, 55, 57, 134, 139]);

const SIZE = String.raw`([\d.]+) ?([KMGT]?)B`;
/** The NodeManager's words in Hadoop 2 and 3, the YarnAllocator's, and the codes of both kinds of kill. */
const YARN_KILL =
  /beyond (?:the )?'?(?:physical|virtual)'? memory limit|exceeding (?:physical |virtual )?memory limits|exit ?(?:code|status)(?: is)?:? ?-10[34]\b/i;
const YARN_SIZES = new RegExp(`${SIZE} of ${SIZE} (?:physical |virtual )?memory used`);

export const SILENT =
  'stopped answering the driver, mostly a sign of long garbage collection or swapping';

export function plain(code: Loss['code'], confidence: Confidence): Verdict {
  return { code, confidence, killer: null, what: '', usedMiB: null, limitMiB: null };
}

/** What one reason text says. Null: nothing went wrong. */
export function judge(reason: string, harm: Harm): Verdict | null {
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
  const evicted = evictionIn(reason);
  if (evicted) return evicted;
  // ContainerExitStatus.PREEMPTED is -102, DISKS_FAILED is -101.
  if (/was preempted\b|exit status: -102\b/i.test(reason)) {
    const what = 'was pushed out by the cluster for work of higher priority';
    return { ...plain('executor-preempted', 'certain'), what };
  }
  if (
    /exit status: -101\b|local-dirs (?:are|have) (?:bad|errors)|No space left on device/i.test(
      reason
    )
  ) {
    const what = 'went away because the disks of its node were full or broken';
    return { ...plain('disk-full', 'certain'), what };
  }
  const exit = exitCodeOf(reason);
  if (exit !== null) return judgeExit(exit, reason, harm);
  if (/heartbeat timed out/i.test(reason)) {
    if (!harm.any) return null;
    const after = /timed out after (\d+) ms/.exec(reason)?.[1];
    const silent = after === undefined ? '' : ` for ${duration(Number(after))}`;
    const what = SILENT.replace('driver,', `driver${silent},`);
    return { ...plain('executor-heartbeat-timeout', 'certain'), what };
  }
  if (!harm.any) return null;
  if (/killed by driver/i.test(reason)) {
    // Idle executors are taken back like this. With tasks on it, it masks a lost heartbeat.
    if (!harm.tasks) return null;
    const what =
      'was given up by the driver while tasks ran on it; it had probably stopped answering';
    const sure = harm.kubernetes ? 'likely' : 'possible';
    return { ...plain('executor-heartbeat-timeout', sure), what };
  }
  if (/shutdown|shutting down/i.test(reason)) {
    return { ...plain('executor-lost', 'likely'), what: 'went away with its worker' };
  }
  if (/preempt/i.test(reason)) {
    const what = 'was taken away by the cluster, mostly for work of higher priority';
    return { ...plain('executor-preempted', 'likely'), what };
  }
  if (/lost node|exit status: -100\b|node .*(?:is lost|was lost|unhealthy)/i.test(reason)) {
    return { ...plain('executor-lost', 'likely'), what: 'went away with its node' };
  }
  if (/decommission/i.test(reason)) {
    if (!harm.tasks) return null;
    return { ...plain('executor-lost', 'likely'), what: 'was taken out of service at work' };
  }
  const said = reason.trim().split('\n')[0]!.slice(0, 160);
  const what = said === '' ? 'went away without a word' : `went away: "${said}"`;
  return { ...plain('executor-lost', 'likely'), what };
}

/** Kubernetes' words in Spark's text: its brief reason and message, or the pod's. */
function evictionIn(reason: string): Verdict | null {
  const said =
    /(?:following brief reason: |"?reason"?: )(Evicted|NodeLost|Shutdown|NodeShutdown|Preempt\w*)\b/.exec(
      reason
    )?.[1];
  const words =
    /(?:Usage of EmptyDir volume [^\n]*? exceeds the limit [^\n]*?|Pod ephemeral local storage usage exceeds [^\n]*?|The node was low on resource: [^\n]*?)(?:\. |\.?\s*\n|\.?$)/m.exec(
      reason
    )?.[0];
  if (!said && !words) return null;
  if (said?.startsWith('Preempt')) {
    const what = 'was pushed out for a pod of higher priority';
    return { ...plain('executor-preempted', 'certain'), what };
  }
  const why = firstSentence(words ?? said!);
  return { ...plain('executor-evicted', 'certain'), what: `was evicted from its node (${why})` };
}

export function exitCodeOf(reason: string): number | null {
  const code = /\bexit(?:ed with)?(?: exit)? ?(?:code|status)(?: is)?:? ?(\d+)/i.exec(reason)?.[1];
  return code === undefined ? null : Number(code);
}

export function judgeExit(code: number, reason: string, harm: Harm): Verdict | null {
  if (code === 52) {
    return { ...plain('executor-heap-oom', 'certain'), what: 'ran out of Java heap' };
  }
  if (code === 137) {
    // OOMKilled with another exit code means that a child was killed earlier: only 137 is its end.
    const stated = /termination reason: OOMKilled/.test(reason);
    // The kubelet would have said so: somebody else sent the signal, or the whole node ran out.
    if (/termination reason: (?!OOMKilled)\w/.test(reason)) {
      if (!harm.any && !harm.unmet) return null;
      const what = 'was killed by SIGKILL (exit code 137), but not for the memory of its container';
      return { ...plain('executor-lost', 'likely'), what };
    }
    return {
      ...plain('executor-oom-killed', stated ? 'certain' : 'likely'),
      killer: stated ? 'kubernetes' : null,
      what: stated
        ? "was killed by the kernel's out-of-memory killer"
        : 'was killed by SIGKILL (exit code 137), which is mostly the kernel when memory runs out'
    };
  }
  if (!harm.any && !harm.unmet) return null;
  const known = harm.unmet && code === 1 ? undefined : EXIT_CODES[code];
  const what = known ?? `ended with exit code ${code}`;
  return { ...plain('executor-lost', OF_ITS_OWN.has(code) ? 'certain' : 'likely'), what };
}

/** Without its full stop, to be put in brackets. */
export function firstSentence(text: string): string {
  return text
    .trim()
    .split(/(?<=\.)\s|\n/, 1)[0]!
    .replace(/\.$/, '')
    .slice(0, 160);
}

function mib(figure: string, unit: string): number {
  return Number(figure) * { '': 2 ** -20, K: 2 ** -10, M: 1, G: 1024, T: 2 ** 20 }[unit]!;
}
