import type { Logger } from 'pino';
import type { Journal } from '../../stream/journal.js';
import type { ClusterRows } from '../cluster-rows.js';
import type { Launcher } from '../../launchers/launcher.js';
import type { LeaseHolder } from './lease-holder.js';

/** The lease of the one server that does it. */
const ORPHAN_COLLECTOR = 'housekeeping';

export interface OrphanCollectorParts {
  launcher: Launcher;
  rows: ClusterRows;
  journal: Journal;
  log: Logger;
  leaseHolder: LeaseHolder;
  follows(id: string): boolean;
}

/** Removes what belongs to no cluster, and forgets clusters that ended long ago. One server does it for all. */
export class OrphanCollector {
  /** A cluster ended since the oldest were forgotten; an earlier server may have left some too. */
  private oneEnded = true;

  constructor(private readonly parts: OrphanCollectorParts) {}

  ended(): void {
    this.oneEnded = true;
  }

  /**
   * Removes what nobody asked for.
   * @param unfinished clusters of which something is left to do anyhow
   * @returns those that are over and of which something exists nevertheless; this server keeps them now
   */
  async look(unfinished: ReadonlySet<string>): Promise<string[]> {
    const { rows, launcher, log, leaseHolder } = this.parts;
    if ((await leaseHolder.claim([ORPHAN_COLLECTOR])).length === 0) return [];
    const left: string[] = [];
    for (const id of await launcher.list()) {
      if (unfinished.has(id) || this.parts.follows(id)) continue;
      if (await rows.get(id)) {
        left.push(...(await leaseHolder.claim([id])));
      } else if (leaseHolder.hasValidLease(ORPHAN_COLLECTOR)) {
        log.warn({ cluster: id }, 'a cluster that nobody asked for is removed');
        await launcher.stop(id);
      }
    }
    return left;
  }

  /** Forgets the oldest of those that are over, if there may be any. */
  async forgetOld(): Promise<void> {
    const { rows, launcher, journal, leaseHolder } = this.parts;
    if (!this.oneEnded || !leaseHolder.hasValidLease(ORPHAN_COLLECTOR)) return;
    for (const id of await rows.forgetOld()) {
      journal.forget(id);
      await launcher.forget(id);
    }
    this.oneEnded = false;
  }
}
