import type { Diagnosis } from '@aglais/diagnosis';
import type { Cluster, ResizeInPlace } from '@aglais/protocol';
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
  /** What the launcher can change in a running cluster. */
  resizeInPlace: ResizeInPlace;
  leaseHolder: LeaseHolder;
  /** Null: this is the only server. */
  remoteClusters: RemoteClusters | null;
  watches: { diagnosis(id: string): Diagnosis | null; eventLines(id: string): number };
  warnings: { of(id: string): string[] };
}

/** Clusters for clients: this server's own as it observes them, others as their servers publish them. */
export class ClusterViews {
  private readonly observed = new Map<string, ObservedCluster>();
  /** By cluster: the row and the observation that `reconciled` published last. */
  private readonly published = new Map<string, string>();
  private lastRevision = 0;

  constructor(private readonly parts: ClusterViewsParts) {}

  /** Records the launcher's latest observation of it; null: it is gone. */
  recordObserved(id: string, observed: ObservedCluster | null): void {
    if (observed) this.observed.set(id, observed);
    else this.observed.delete(id);
  }

  /** Whether one of its pods is unschedulable, as this server observed it. */
  isUnplaced(id: string): boolean {
    return this.observed.get(id)?.unplaced ?? false;
  }

  /** The driver address of a cluster of this server. */
  address(id: string): DriverAddress | null {
    const observed = this.parts.leaseHolder.holdsLease(id) ? this.observed.get(id) : undefined;
    return observed?.url ? { url: observed.url, ca: observed.ca } : null;
  }

  /** Publishes the cluster if anything has changed. */
  publish(row: ClusterRow): Cluster {
    const { journal } = this.parts;
    const before = journal.clusters.get(row.id);
    const view = this.viewOf(row);
    if (before && JSON.stringify(before) === JSON.stringify(view)) return before;
    // Increases across restarts of the server, too.
    this.lastRevision = Math.max(Date.now(), this.lastRevision + 1);
    const cluster = { ...view, revision: this.lastRevision };
    journal.publish({ type: 'cluster', cluster });
    this.showOthers(cluster);
    return cluster;
  }

  /**
   * Publishes a cluster after a step, if its row or the observation has changed. Changes in its evidence are published
   * when they arrive.
   */
  reconciled(row: ClusterRow): Cluster {
    const { id } = row;
    const known = this.parts.journal.clusters.get(id);
    const observed = this.observed.get(id);
    const state = JSON.stringify([row, observed]);
    if (known && this.published.get(id) === state) return known;
    // An ended cluster is not observed any more.
    if (observed) this.published.set(id, state);
    else this.published.delete(id);
    return this.publish(row);
  }

  /** When this resolves, other servers know the driver's address: before a client sees that the cluster is ready. */
  async publishAddress(row: ClusterRow): Promise<void> {
    this.showOthers(this.viewOf(row));
    await this.parts.remoteClusters?.flush();
  }

  private showOthers(cluster: Cluster): void {
    const { id } = cluster;
    const { leaseHolder, remoteClusters, watches } = this.parts;
    if (leaseHolder.holdsLease(id))
      remoteClusters?.show(cluster, this.address(id), watches.eventLines(id));
  }

  /** With the last published revision. */
  private viewOf(row: ClusterRow): Cluster {
    const { journal, leaseHolder, watches, warnings, remoteClusters } = this.parts;
    const { idleMs, resizeInPlace } = this.parts;
    const { id } = row;
    const revision = journal.clusters.get(id)?.revision ?? 0;
    if (leaseHolder.holdsLease(id)) {
      const observed = this.observed.get(id) ?? null;
      const diagnosis = watches.diagnosis(id);
      const own = [...warnings.of(id), ...(observed?.shortfall ? [observed.shortfall] : [])];
      return clusterView(row, observed, diagnosis, idleMs, revision, resizeInPlace, own);
    }
    const known = clusterView(row, null, null, idleMs, revision, resizeInPlace);
    return viewOfOthers(known, remoteClusters?.view(id) ?? null);
  }
}
