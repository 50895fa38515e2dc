import type { MemoryLine, ProcessUsage } from '@aglais/protocol';

/** Maximum number of points of a line in a panel. */
const POINTS = 60;
/** Maximum number of steps without a sample across which a line is drawn. */
const BRIDGED = 2;

/**
 * Memory of one process over time for a panel: steps of the same length, the maximum of each, whole MiB. Sampled
 * values, otherwise the process tree that Spark measured. Null if neither is known.
 */
export function memoryLine({ who, stepMs, series }: ProcessUsage): MemoryLine | null {
  const known = series.flatMap(({ at, usedMiB, jvmMiB, pythonMiB, otherMiB }) => {
    const tree = jvmMiB === null ? null : jvmMiB + (pythonMiB ?? 0) + (otherMiB ?? 0);
    const used = usedMiB ?? tree;
    return used === null ? [] : [{ at, used }];
  });
  const first = known[0]?.at;
  const last = known.at(-1)?.at;
  if (first === undefined || last === undefined) return null;
  let step = stepMs;
  while ((last - first) / step >= POINTS) step *= 2;
  const length = Math.floor((last - first) / step) + 1;
  const usedMiB = Array<number | null>(length).fill(null);
  for (const { at, used } of known) {
    const place = Math.floor((at - first) / step);
    usedMiB[place] = Math.max(usedMiB[place] ?? 0, Math.round(used));
  }
  bridge(usedMiB);
  return { who, from: first, stepMs: step, usedMiB };
}

/** Samples arrive about once per step: one that fell into the next step is not a gap. */
function bridge(usedMiB: (number | null)[]): void {
  let since = 0;
  for (let i = 1; i < usedMiB.length; i += 1) {
    since = usedMiB[i] === null ? since + 1 : 0;
    if (since > 0 && since <= BRIDGED) usedMiB[i] = usedMiB[i - 1] ?? null;
  }
}
