import { formatDuration } from './duration.js';

/** Minimum interval for saving that a cluster is in use; negligible compared to an idle time of an hour, ms. */
const USED_INTERVAL_MS = 10_000;

/** When a cluster is stopped unless it is used, ms since the epoch. */
export const idleStopAt = (lastUsedAt: number, idleMs: number): number => lastUsedAt + idleMs;

/** Whether a cluster has been idle (no running cell or job) for so long that it is stopped. */
export function isIdle(lastUsedAt: number, busy: boolean, now: number, idleMs: number): boolean {
  return !busy && now > idleStopAt(lastUsedAt, idleMs);
}

/** Interval for saving that a busy cluster is in use, ms. */
export const usedIntervalMs = (idleMs: number): number => Math.min(USED_INTERVAL_MS, idleMs / 20);

/** The message in the notebook about a cluster that was stopped because it was idle. */
export function idleStopReason(idleMs: number): string {
  return (
    `Spark was stopped because nothing used it for ${formatDuration(idleMs)}. ` +
    'Variables are kept; temporary views and cached tables are gone. It starts again at the next use.'
  );
}
