import { formatMiB, type PodObservation } from '@aglais/diagnosis';
import { explainExit, KEPT } from '../driver-exit-codes.js';

/**
 * Why a driver's pod ended, for people.
 * @param pod its last status, or null if it was deleted before any was seen
 * @param noted the exit code that the driver's script recorded, if it could
 * @param logTail the end of the driver's log
 */
export function explainPodEnd(
  pod: PodObservation | null,
  noted: number | null,
  logTail: string
): string {
  const disrupted = pod?.disrupted;
  if (disrupted) {
    const words = disrupted.message ? ` (${disrupted.message})` : '';
    if (/^Usage of EmptyDir volume/.test(disrupted.message ?? '')) {
      return (
        `The Spark driver was evicted because it wrote more to its disk than it may${words}. Write results to a share or ` +
        `a store; an administrator can raise the limit (volumeLimits, scratch). ${KEPT}`
      );
    }
    if (/^Evicted|Eviction/.test(disrupted.reason)) {
      return `The node put the Spark driver out, because it ran short of something itself${words}. ${KEPT}`;
    }
    if (/^Preempt/.test(disrupted.reason)) {
      return `The Spark driver had to make room for pods of a higher priority${words}. ${KEPT}`;
    }
    return `The Spark driver lost its node: ${disrupted.reason}${words}. ${KEPT}`;
  }
  const end = pod?.ends.at(-1);
  if (end?.reason === 'OOMKilled' && end.exitCode === 137) {
    const limit = pod?.limitMiB ? ` of ${formatMiB(pod.limitMiB)}` : '';
    return (
      `The Spark driver was killed (signal 9) because it reached its memory limit${limit} (OOMKilled). ` +
      `Collect less at once, or restart with more driver memory. ${KEPT}`
    );
  }
  if (!end && noted === null) {
    return `The Spark driver's pod was deleted by somebody else. ${KEPT}`;
  }
  return explainExit(noted ?? end?.exitCode ?? null, logTail || (end?.message ?? ''));
}
