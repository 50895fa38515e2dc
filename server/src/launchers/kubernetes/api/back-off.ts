export interface BackOffTimes {
  firstMs: number;
  longestMs: number;
}

/** Quick enough that a restarted API server is not waited for, slow enough that a hundred of us do not hold it down. */
export const BACK_OFF: BackOffTimes = { firstMs: 250, longestMs: 30_000 };

/**
 * How long to wait before the next attempt, in ms: doubles from the first to the longest, with jitter, because all
 * watches of a server break in the same moment.
 *
 * @param failures how many attempts failed in a row, from 1
 * @param random a number in [0, 1)
 */
export function backOff(failures: number, random: number, times: BackOffTimes = BACK_OFF): number {
  const full = Math.min(times.firstMs * 2 ** Math.min(failures - 1, 30), times.longestMs);
  return full * (0.5 + random / 2);
}
