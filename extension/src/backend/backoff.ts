/** Milliseconds: quick enough to go unnoticed after a short break, slow enough to burden nobody. */
const FIRST = 500;
const LONGEST = 15_000;

/**
 * How long to wait before an attempt to connect, in ms.
 *
 * Doubles from half a second to 15 s, with jitter: when a server comes back, thirty students' pages
 * must not ask in the same moment.
 *
 * @param failures how many attempts failed in a row, from 1
 * @param random a number in [0, 1)
 */
export function backoff(failures: number, random: number): number {
  const full = Math.min(FIRST * 2 ** (failures - 1), LONGEST);
  return full * (0.5 + random / 2);
}
