import type { MemoryLine, ProcessUsage } from '@aglais/protocol';

/** Points of a line: as many as a panel has room for. */
const POINTS = 60;
/** Steps without a sample that a line is drawn through. */
const BRIDGED = 2;

/**
 * Memory in use of one process over time as a panel draws it: steps of the same length, the most in each, whole MiB.
 * What was sampled, else the process tree that Spark measured. Null if neither is known.
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

/** Samples come about once a step: one that fell into the next step is no gap. */
function bridge(usedMiB: (number | null)[]): void {
  let since = 0;
  for (let i = 1; i < usedMiB.length; i += 1) {
    since = usedMiB[i] === null ? since + 1 : 0;
    if (since > 0 && since <= BRIDGED) usedMiB[i] = usedMiB[i - 1] ?? null;
  }
}
