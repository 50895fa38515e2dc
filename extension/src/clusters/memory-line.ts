import type { MemoryLine } from '@aglais/protocol';
import { formatDuration, formatMemory } from '../format';
import type { Trans } from '../translation';

/**
 * The points of the line in a box of width and height 1 (y = 0 is the top), split into segments where samples are
 * missing.
 * @param limitMiB the height of the box; null: the maximum that was used
 */
export function lineSegments(
  { usedMiB }: MemoryLine,
  limitMiB: number | null
): [number, number][][] {
  const max = Math.max(limitMiB ?? 0, ...usedMiB.map(used => used ?? 0));
  if (usedMiB.length < 2 || max === 0) return [];
  const segments: [number, number][][] = [[]];
  usedMiB.forEach((used, index) => {
    if (used !== null) segments.at(-1)!.push([index / (usedMiB.length - 1), 1 - used / max]);
    else if (segments.at(-1)!.length > 0) segments.push([]);
  });
  return segments.filter(segment => segment.length > 1);
}

/** The line as text, for screen readers: "at most 1.2 GiB in the last 4 min". */
export function formatMemoryLine({ usedMiB, stepMs }: MemoryLine, trans: Trans): string {
  const max = Math.max(0, ...usedMiB.map(used => used ?? 0));
  return trans.__(
    'at most %1 in the last %2',
    formatMemory(max, trans),
    formatDuration(usedMiB.length * stepMs, trans)
  );
}
