import { formatDuration } from './duration.js';

/** That a cluster is in use is saved at most this often; against an idle time of an hour, nothing, ms. */
const USED_INTERVAL_MS = 10_000;

/** When a cluster is stopped unless something uses it, ms since the epoch. */
export const idleStopAt = (lastUsedAt: number, idleMs: number): number => lastUsedAt + idleMs;

/** Whether a cluster has been without a running cell or job for so long that it is stopped. */
export function isIdle(lastUsedAt: number, busy: boolean, now: number, idleMs: number): boolean {
  return !busy && now > idleStopAt(lastUsedAt, idleMs);
}

/** How often to save that a busy cluster is in use, ms. */
export const usedIntervalMs = (idleMs: number): number => Math.min(USED_INTERVAL_MS, idleMs / 20);

/** What the notebook says of a cluster that was stopped for being idle. */
export function idleStopReason(idleMs: number): string {
  return (
    `Spark was stopped because nothing used it for ${formatDuration(idleMs)}. ` +
    'Variables are kept; temporary views and cached tables are gone. It starts again at the next use.'
  );
}
