import type { MemoryLine } from '@aglais/protocol';
import { duration, gib, type Trans } from '../words';

/**
 * The points of a line in a box of width 1 and height 1, time to the right and memory upwards (0 is the top), in
 * pieces: where nothing was measured there is a gap.
 * @param limitMiB the height of the box; without a limit the most that was used
 */
export function linePieces({ usedMiB }: MemoryLine, limitMiB: number | null): [number, number][][] {
  const most = Math.max(limitMiB ?? 0, ...usedMiB.map(used => used ?? 0));
  if (usedMiB.length < 2 || most === 0) return [];
  const pieces: [number, number][][] = [[]];
  usedMiB.forEach((used, index) => {
    if (used !== null) pieces.at(-1)!.push([index / (usedMiB.length - 1), 1 - used / most]);
    else if (pieces.at(-1)!.length > 0) pieces.push([]);
  });
  return pieces.filter(piece => piece.length > 1);
}

/** What the line says, for who cannot see it: "in the last 4 min at most 1.2 GiB". */
export function lineWords({ usedMiB, stepMs }: MemoryLine, trans: Trans): string {
  const most = Math.max(0, ...usedMiB.map(used => used ?? 0));
  return trans.__(
    'in the last %1 at most %2 GiB',
    duration(usedMiB.length * stepMs, trans),
    gib(most)
  );
}
