import type { StepResult } from './cluster-step.js';
import { usedIntervalMs } from './idle-policy.js';

/** Poll interval of a starting or stopping cluster; longer after a while, ms. */
const STEP_MS = 40;
const PATIENT_AFTER_MS = 30_000;
const PATIENT_STEP_MS = 500;
/** Poll intervals of a ready cluster, for launchers with and without change notifications, ms. */
const READY_MS = { watched: 10_000, polled: 1_000 };

/**
 * When the next step of a cluster is due without a change, in ms; null: never. Pure.
 * @param watched whether the launcher reports changes
 */
export function nextStepMs(
  { cluster, acted, isOwn }: StepResult,
  watched: boolean,
  idleMs: number,
  now: number
): number | null {
  if (!cluster || !isOwn) return null;
  if (acted) return 0;
  if (cluster.state === 'ready')
    return Math.min(watched ? READY_MS.watched : READY_MS.polled, usedIntervalMs(idleMs));
  return now - cluster.createdAt < PATIENT_AFTER_MS ? STEP_MS : PATIENT_STEP_MS;
}
