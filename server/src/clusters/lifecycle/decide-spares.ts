import type { Shape } from '@aglais/protocol';
import type { SpareTarget } from '../../launchers/launcher.js';

/** A cluster as far as it matters for spares. */
export interface SpareCandidate {
  id: string;
  spare: boolean;
  state: string;
  /** As it is in its row. */
  shape: string;
  catalogue: string | null;
  memoryMiB: number;
  createdAt: number;
}

export interface SparesState {
  targets: readonly SpareTarget[];
  /** Clusters that are desired or not gone yet, without those that are stopping. */
  clusters: readonly SpareCandidate[];
  /** Hash of the shares as they are now. */
  catalogue: string;
  /** What all clusters together may have, MiB. */
  capacityMiB: number;
  memoryOf: (shape: Shape) => number;
  /** A pod of a cluster that belongs to somebody finds no node. */
  someoneIsUnplaced: boolean;
  /** Whether the start of a spare disturbs nobody now, see `isGoodMoment`. */
  goodMoment: boolean;
}

export interface SparesDecision {
  /** Whether there are fewer spares than there should be. */
  missing: boolean;
  start: Shape[];
  stop: { id: string; reason: string }[];
}

/** No cluster was in use for so long, ms; use is recorded each ten seconds. */
const QUIET_MS = 15_000;
/** A machine that is never quiet gets a spare after this time, ms. */
const LONGEST_WAIT_MS = 180_000;

/**
 * Whether a spare may start on the machine on which notebooks compute: starting three JVMs takes all of a small machine for
 * half a minute, and would slow down the first cell of the very notebook that took the last spare.
 * @param lastUsedAt when each cluster of somebody was in use last
 * @param missingSince when a spare was missing first
 */
export function isGoodMoment(
  lastUsedAt: readonly number[],
  missingSince: number,
  now: number
): boolean {
  return now - missingSince >= LONGEST_WAIT_MS || now - Math.max(0, ...lastUsedAt) >= QUIET_MS;
}

/**
 * Which spares to start and to stop. Pure. Spares come last: they are started only while nobody waits for a cluster and where
 * memory is left, one at a time, and they are stopped as soon as others need what they hold.
 */
export function decideSpares(state: SparesState): SparesDecision {
  const { targets, clusters, catalogue, capacityMiB, memoryOf, someoneIsUnplaced } = state;
  const stop: SparesDecision['stop'] = [];
  const spares = clusters.filter(({ spare }) => spare).sort((a, b) => a.createdAt - b.createdAt);
  const owned = clusters.filter(({ spare }) => !spare);
  const left = new Map(targets.map(({ shape, count }) => [JSON.stringify(shape), count]));
  let usedMiB = owned.reduce((sum, { memoryMiB }) => sum + memoryMiB, 0);
  const kept: SpareCandidate[] = [];
  for (const spare of spares) {
    const count = left.get(spare.shape) ?? 0;
    if (spare.catalogue !== catalogue) {
      stop.push({ id: spare.id, reason: 'The shares have changed since this spare was started.' });
    } else if (count === 0) {
      stop.push({ id: spare.id, reason: 'This spare is not needed any more.' });
    } else if (usedMiB + spare.memoryMiB > capacityMiB || someoneIsUnplaced) {
      stop.push({ id: spare.id, reason: 'This spare made room for clusters in use.' });
    } else {
      usedMiB += spare.memoryMiB;
      left.set(spare.shape, count - 1);
      kept.push(spare);
    }
  }
  const isStarting = ({ state: is }: SpareCandidate) => is === 'requested' || is === 'starting';
  const mayStart = stop.length === 0 && !someoneIsUnplaced && ![...owned, ...kept].some(isStarting);
  const missing = targets.find(({ shape }) => (left.get(JSON.stringify(shape)) ?? 0) > 0);
  const fits = missing && usedMiB + memoryOf(missing.shape) <= capacityMiB;
  const start = mayStart && missing && fits && state.goodMoment ? [missing.shape] : [];
  return { start, stop, missing: missing !== undefined };
}
