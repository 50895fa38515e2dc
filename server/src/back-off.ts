export interface BackOffTimes {
  firstMs: number;
  longestMs: number;
}

/** Short enough for a restarted API server, long enough that a hundred clients do not overload it. */
export const BACK_OFF: BackOffTimes = { firstMs: 250, longestMs: 30_000 };

/** A longer `Retry-After` is ignored, ms. */
const MAX_RETRY_AFTER_MS = 60_000;

/**
 * The delay before the next attempt, in ms: doubles from the first to the longest, with jitter, because all clients of
 * a server that restarts fail at the same time.
 *
 * @param failures number of consecutive failures, from 1
 * @param random a number in [0, 1)
 */
export function backOff(failures: number, random: number, times: BackOffTimes = BACK_OFF): number {
  const full = Math.min(times.firstMs * 2 ** Math.min(failures - 1, 30), times.longestMs);
  return full * (0.5 + random / 2);
}

/** The delay after this error; a server's `Retry-After` is respected, up to a minute. */
export function backOffAfter(
  error: unknown,
  failures: number,
  random: number,
  times: BackOffTimes = BACK_OFF
): number {
  const asked = (error as { retryAfterMs?: unknown } | null)?.retryAfterMs;
  const atLeast = typeof asked === 'number' ? Math.min(asked, MAX_RETRY_AFTER_MS) : 0;
  return Math.max(backOff(failures, random, times), atLeast);
}
