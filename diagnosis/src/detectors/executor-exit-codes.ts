import { type LossImpact, type LossVerdict, lossVerdict } from './removal-reasons.js';

/** What the exit codes of executors mean: ExecutorExitCode and SparkExitCode of Spark, and signals (128 + n). */
const EXIT_CODES: Readonly<Record<number, string>> = {
  1: 'exited with an error (exit code 1)',
  50: 'exited because of an uncaught exception (exit code 50)',
  51: 'exited because its exception handler failed (exit code 51)',
  53: 'could not create its scratch directory (exit code 53)',
  54: 'could not reach its external block store (exit code 54)',
  55: 'could not create a directory in its external block store (exit code 55)',
  56: 'could not send heartbeats to the driver (exit code 56)',
  57: 'exited because a killed task did not stop (exit code 57)',
  134: 'crashed: the JVM aborted (exit code 134, SIGABRT)',
  139: 'crashed: segmentation fault (exit code 139, SIGSEGV)',
  143: 'was stopped by SIGTERM (exit code 143)'
};

/** Codes that a planned stop never produces. */
const NEVER_PLANNED: ReadonlySet<number> = new Set([50, 51, 53, 54, 55, 57, 134, 139]);

/** The exit code that a removal reason names; null if it names none. */
export function exitCodeOf(reason: string): number | null {
  const code = /\bexit(?:ed with)?(?: exit)? ?(?:code|status)(?: is)?:? ?(\d+)/i.exec(reason)?.[1];
  return code === undefined ? null : Number(code);
}

/** The cause of an executor loss according to its exit code; null if the exit was planned. */
export function verdictFromExitCode(
  code: number,
  reason: string,
  impact: LossImpact
): LossVerdict | null {
  if (code === 52) {
    return { ...lossVerdict('executor-heap-oom', 'certain'), what: 'ran out of Java heap' };
  }
  if (code === 137) {
    // With another exit code OOMKilled means that a child was killed earlier; 137 is the container's own end.
    const stated = /termination reason: OOMKilled/.test(reason);
    // The kubelet would have reported an OOM kill: someone else sent the signal, or the node ran out of memory.
    if (/termination reason: (?!OOMKilled)\w/.test(reason)) {
      if (!impact.anyWork && !impact.neverRegistered) return null;
      const what =
        'was killed by SIGKILL (exit code 137), not because of the memory limit of its container';
      return { ...lossVerdict('executor-lost', 'likely'), what };
    }
    return {
      ...lossVerdict('executor-oom-killed', stated ? 'certain' : 'likely'),
      killer: stated ? 'kubernetes' : null,
      what: stated
        ? 'was killed by the Linux OOM killer'
        : 'was killed by SIGKILL (exit code 137), usually sent by the Linux OOM killer'
    };
  }
  if (!impact.anyWork && !impact.neverRegistered) return null;
  const known = impact.neverRegistered && code === 1 ? undefined : EXIT_CODES[code];
  const what = known ?? `exited with code ${code}`;
  return { ...lossVerdict('executor-lost', NEVER_PLANNED.has(code) ? 'certain' : 'likely'), what };
}
