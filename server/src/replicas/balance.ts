import type { Logger } from 'pino';
import type { LocalReconciler } from '../clusters/lifecycle/remote-clusters.js';
import type { Leases } from './leases.js';

/** A server and how many clusters it reconciles. */
export interface ServerLoad {
  holder: string;
  clusters: number;
}

export interface HandOver {
  to: string;
  count: number;
}

/** At most so many clusters move in one round: their evidence is read again by the server that takes them. */
const LARGEST = 10;

/**
 * How many clusters a server hands to the one that has the fewest, so that a server that comes back has work again. Pure. Nothing
 * moves where the numbers differ by one: that would move back and forth.
 */
export function decideHandOver(self: string, loads: readonly ServerLoad[]): HandOver | null {
  const mine = loads.find(({ holder }) => holder === self);
  const [least] = loads.toSorted(
    (a, b) => a.clusters - b.clusters || a.holder.localeCompare(b.holder)
  );
  if (!mine || !least || least.holder === self) return null;
  const total = loads.reduce((sum, { clusters }) => sum + clusters, 0);
  const fair = Math.ceil(total / loads.length);
  const count = Math.min(mine.clusters - fair, fair - least.clusters, LARGEST);
  return count > 0 ? { to: least.holder, count } : null;
}

/**
 * One round: hands clusters in which nothing runs at the moment to the server that has the fewest.
 * @returns those that this server does not hold any more
 */
export async function handOver(
  leases: Leases,
  local: LocalReconciler,
  log: Logger
): Promise<string[]> {
  // Again each time: a server that was frozen has lost it.
  await leases.announce();
  const quiet = local.quiet();
  if (quiet.length === 0) return [];
  const decision = decideHandOver(leases.holder, await leases.loads());
  if (!decision) return [];
  const clusters = quiet.slice(0, decision.count);
  await leases.handOver(clusters, decision.to, async () => {
    for (const id of clusters) await local.lost(id);
  });
  log.info({ clusters, to: decision.to }, 'Another server has fewer clusters and takes these.');
  return clusters;
}
