import type { Logger } from 'pino';
import type { Launcher } from '../../launchers/launcher.js';
import type { Journal } from '../../stream/journal.js';
import type { ClusterRows } from '../cluster-rows.js';
import { expiredClusters, type RetentionPolicy } from '../retention.js';
import type { LeaseHolder } from './lease-holder.js';

/** The lease of the one server that collects. */
const ORPHAN_COLLECTOR = 'orphan-collector';
const HOUR_MS = 3_600_000;

export interface OrphanCollectorParts {
  launcher: Launcher;
  rows: ClusterRows;
  journal: Journal;
  retention: RetentionPolicy;
  log: Logger;
  leaseHolder: LeaseHolder;
  follows(id: string): boolean;
  onForgotten: (id: string) => void;
}

/** Removes what belongs to no cluster, and deletes clusters that ended long ago. One server does it for all. */
export class OrphanCollector {
  /** A cluster has ended since the last run, or a previous server may have left some. */
  private oneEnded = true;
  /** When retention was last applied because of time alone. */
  private appliedAt = 0;

  constructor(private readonly parts: OrphanCollectorParts) {}

  ended(): void {
    this.oneEnded = true;
  }

  /**
   * Removes what the launcher has and no cluster needs.
   * @param unfinished clusters that are reconciled in any case
   * @returns ended clusters of which something still exists; this server now holds their leases
   */
  async collect(unfinished: ReadonlySet<string>): Promise<string[]> {
    const { rows, launcher, log, leaseHolder } = this.parts;
    if ((await leaseHolder.claim([ORPHAN_COLLECTOR])).length === 0) return [];
    const left: string[] = [];
    for (const id of await launcher.list()) {
      if (unfinished.has(id) || this.parts.follows(id)) continue;
      if (await rows.get(id)) {
        left.push(...(await leaseHolder.claim([id])));
      } else if (leaseHolder.hasValidLease(ORPHAN_COLLECTOR)) {
        log.warn({ cluster: id }, 'a cluster that is in no database is removed');
        // A failure to remove one must not stop the others.
        await launcher.stop(id).catch((error: unknown) => {
          log.error({ err: error, cluster: id }, 'it could not be removed; it is tried again');
        });
      }
    }
    return left;
  }

  /** Applies the retention policy when a cluster has ended, and once an hour, because of ages. */
  async forgetExpired(): Promise<void> {
    const { leaseHolder } = this.parts;
    const now = Date.now();
    if (!this.oneEnded && now - this.appliedAt < HOUR_MS) return;
    if (!leaseHolder.hasValidLease(ORPHAN_COLLECTOR)) return;
    // Before the search: a cluster that ends meanwhile is for the next one.
    this.oneEnded = false;
    try {
      await this.forget(now);
      this.appliedAt = now;
    } catch (error) {
      this.oneEnded = true;
      throw error;
    }
  }

  private async forget(now: number): Promise<void> {
    const { rows, launcher, journal, retention, onForgotten, log } = this.parts;
    const expired = expiredClusters(await rows.ended(), retention, now);
    for (const id of expired) {
      // First, so that later requests cannot add anything to it.
      journal.forget(id);
      await rows.forget(id);
      onForgotten(id);
      await launcher.forget(id);
    }
    if (expired.length > 0)
      log.info({ clusters: expired.length }, 'ended clusters were forgotten, with their findings');
  }
}
