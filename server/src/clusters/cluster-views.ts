import type { Diagnosis } from '@aglais/diagnosis';
import type { Cluster } from '@aglais/protocol';
import type { ClusterRow } from '../store/schema.js';
import type { Journal } from '../stream/journal.js';
import { clusterView, viewOfOthers } from './cluster-view.js';
import type { DriverAddress } from './driver-address.js';
import type { LeaseHolder } from './lifecycle/lease-holder.js';
import type { RemoteClusters } from './lifecycle/remote-clusters.js';
import type { ObservedCluster } from '../launchers/launcher.js';

export interface ClusterViewsParts {
  journal: Journal;
  idleMs: number;
  leaseHolder: LeaseHolder;
  /** Null: this server is alone. */
  others: RemoteClusters | null;
  watches: { diagnosis(id: string): Diagnosis | null; eventLines(id: string): number };
}

/** Clusters as users see them: this server's own as it observes them, the others' as their servers show them. */
export class ClusterViews {
  private readonly observed = new Map<string, ObservedCluster>();
  /** By cluster: what `looked` was last called with. */
  private readonly looks = new Map<string, string>();
  private lastRevision = 0;

  constructor(private readonly parts: ClusterViewsParts) {}

  /** What exists of it in the world now. */
  recordObserved(id: string, observed: ObservedCluster | null): void {
    if (observed) this.observed.set(id, observed);
    else this.observed.delete(id);
    if (!observed) this.looks.delete(id);
  }

  /** Where the driver of a cluster that this server keeps listens. */
  reach(id: string): DriverAddress | null {
    const observed = this.parts.leaseHolder.keeps(id) ? this.observed.get(id) : undefined;
    return observed?.url ? { url: observed.url, ca: observed.ca } : null;
  }

  /** Tells everybody about the cluster if anything of it is new. */
  publish(row: ClusterRow): Cluster {
    const { journal } = this.parts;
    const before = journal.clusters.get(row.id);
    const view = this.viewOf(row);
    if (before && JSON.stringify(before) === JSON.stringify(view)) return before;
    // Grows over restarts of the server too.
    this.lastRevision = Math.max(Date.now(), this.lastRevision + 1);
    const cluster = { ...view, revision: this.lastRevision };
    journal.publish({ type: 'cluster', cluster });
    this.tellOthers(cluster);
    return cluster;
  }

  /**
   * Tells everybody about a cluster that was looked at, if the row or what exists of it is new. What its evidence brings is
   * told when it comes.
   */
  reconciled(row: ClusterRow): Cluster {
    const { id } = row;
    const known = this.parts.journal.clusters.get(id);
    const look = JSON.stringify([row, this.observed.get(id)]);
    if (known && this.looks.get(id) === look) return known;
    this.looks.set(id, look);
    return this.publish(row);
  }

  /** Other servers can say where it is from then on. Before anybody hears that it is ready. */
  async publishAddress(row: ClusterRow): Promise<void> {
    this.tellOthers(this.viewOf(row));
    await this.parts.others?.flush();
  }

  private tellOthers(cluster: Cluster): void {
    const { id } = cluster;
    const { leaseHolder, others, watches } = this.parts;
    if (leaseHolder.keeps(id)) others?.show(cluster, this.reach(id), watches.eventLines(id));
  }

  /** With the revision that was told last. */
  private viewOf(row: ClusterRow): Cluster {
    const { journal, leaseHolder, watches, others, idleMs } = this.parts;
    const { id } = row;
    const revision = journal.clusters.get(id)?.revision ?? 0;
    if (leaseHolder.keeps(id)) {
      const observed = this.observed.get(id) ?? null;
      return clusterView(row, observed, watches.diagnosis(id), idleMs, revision);
    }
    const known = clusterView(row, null, null, idleMs, revision);
    return viewOfOthers(known, others?.view(id) ?? null);
  }
}
