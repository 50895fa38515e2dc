/** ms: the first attempts hide a short interruption, the later ones put no load on the server. */
const INITIAL_DELAY_MS = 500;
const MAX_DELAY_MS = 15_000;

/**
 * The delay before the next attempt to connect, in ms.
 *
 * Doubles from 0.5 s to 15 s, with jitter: when a server is back, the pages of a whole class must not
 * connect at the same moment.
 *
 * @param failures number of consecutive failures, at least 1
 * @param random a number in [0, 1)
 */
export function backoff(failures: number, random: number): number {
  const full = Math.min(INITIAL_DELAY_MS * 2 ** (failures - 1), MAX_DELAY_MS);
  return full * (0.5 + random / 2);
}
