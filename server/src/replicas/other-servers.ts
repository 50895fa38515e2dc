import type { Cluster } from '@aglais/protocol';
import type { Logger } from 'pino';
import type { ClusterRows } from '../clusters/cluster-rows.js';
import { unfinishedResizes } from '../clusters/cluster-shapes.js';
import type { DriverAddress } from '../clusters/driver-address.js';
import type { LocalReconciler, RemoteClusters } from '../clusters/lifecycle/remote-clusters.js';
import type { Launcher } from '../launchers/launcher.js';
import { cellRunOf, locatedFinding, type FindingRows } from '../findings/finding-rows.js';
import type { CellRunRow, ClusterRow, FindingRow } from '../store/schema.js';
import type { Journal } from '../stream/journal.js';
import { handOver } from './balance.js';
import type { News } from './feed.js';
import type { Replicas } from './open-replicas.js';
import { viewOf, type SavedView } from './view-rows.js';

/** Interval of the search for clusters without a lease, and for lost leases. */
const LEASES_MS = 1_000;
/** Interval at which views of this server's clusters are saved for the others, ms. */
const FLUSH_MS = 500;
/** Interval at which clusters are handed to a server that has fewer, ms. */
const BALANCE_MS = 10_000;
/** Interval of the search for what another server has deleted, ms. */
const FORGET_MS = 60_000;

export interface OtherServersParts {
  replicas: Replicas;
  rows: ClusterRows;
  findings: FindingRows;
  journal: Journal;
  launcher: Launcher;
  log: Logger;
  balanceMs?: number;
}

/**
 * Shows the clusters of other servers, publishes this server's clusters to them, and takes over from servers that are
 * gone.
 */
export class OtherServers implements RemoteClusters {
  /** Clusters as published by the servers that run them. */
  private readonly views = new Map<string, Cluster>();
  private readonly pendingViews = new Map<string, SavedView>();
  private readonly timers: NodeJS.Timeout[] = [];
  private busy: Promise<void> = Promise.resolve();
  private flushing: Promise<void> = Promise.resolve();
  private isClosed = false;

  private local!: LocalReconciler;

  constructor(private readonly parts: OtherServersParts) {}

  attach(local: LocalReconciler): void {
    this.local = local;
    this.parts.replicas.feed.onNews(news => this.apply(news));
  }

  async load(ids: readonly string[]): Promise<void> {
    for (const view of await this.parts.replicas.views.of(ids)) this.views.set(view.id, view);
  }

  async open(): Promise<void> {
    this.parts.replicas.feed.open();
    await this.checkLeases();
    await this.parts.replicas.leases.announce();
    const { balanceMs = BALANCE_MS } = this.parts;
    this.timers.push(
      setInterval(() => void this.checkLeases(), LEASES_MS),
      setInterval(() => void this.inTurn(() => this.balance()), balanceMs),
      setInterval(() => void this.flush(), FLUSH_MS),
      setInterval(() => void this.forget(), FORGET_MS)
    );
  }

  async close(): Promise<void> {
    this.isClosed = true;
    for (const timer of this.timers) clearInterval(timer);
    await this.busy;
  }

  view(id: string): Cluster | null {
    return this.views.get(id) ?? null;
  }

  show(cluster: Cluster, address: DriverAddress | null, eventLines: number): void {
    this.pendingViews.set(cluster.id, { cluster, address, eventLines });
  }

  refresh(): Promise<void> {
    return this.parts.replicas.feed.pull();
  }

  address(id: string): Promise<DriverAddress | null> {
    return this.parts.replicas.views.address(id);
  }

  eventLines(id: string): Promise<number> {
    return this.parts.replicas.views.eventLines(id);
  }

  concluded(id: string, eventLines: number): Promise<void> {
    return this.parts.replicas.views.concluded(id, eventLines);
  }

  async flush(): Promise<void> {
    // One after the other: an older view must not arrive last.
    this.flushing = this.flushing.then(async () => {
      const shown = [...this.pendingViews.values()];
      this.pendingViews.clear();
      try {
        await this.parts.replicas.views.save(shown);
      } catch (error) {
        this.parts.log.error({ err: error }, 'Clusters were not shown to other servers; retrying.');
        for (const one of shown)
          if (!this.pendingViews.has(one.cluster.id)) this.pendingViews.set(one.cluster.id, one);
      }
    });
    await this.flushing;
  }

  /** Acquires free leases, and gives up those that another server has acquired. */
  private checkLeases(): Promise<void> {
    return this.inTurn(() => this.checkLeasesOnce());
  }

  /** One at a time. */
  private inTurn(work: () => Promise<void>): Promise<void> {
    this.busy = this.busy.then(async () => {
      if (this.isClosed) return;
      try {
        await work();
      } catch (error) {
        this.parts.log.error({ err: error }, 'Leases were not checked; retrying.');
      }
    });
    return this.busy;
  }

  private async balance(): Promise<void> {
    const { replicas, log } = this.parts;
    for (const id of await handOver(replicas.leases, this.local, log)) await this.reload(id);
  }

  private async checkLeasesOnce(): Promise<void> {
    const { replicas, log } = this.parts;
    const { leases } = replicas;
    for (const id of this.local.followed()) {
      if (leases.holdsLease(id)) continue;
      await this.local.lost(id);
      await this.reload(id);
    }
    const granted = leases.takeGranted();
    if (granted.length > 0) await this.local.taken(granted);
    const free = await leases.free();
    const taken = await leases.claim(free);
    if (taken.length > 0) {
      log.info({ clusters: taken }, 'This server takes over clusters that no server held.');
      await this.local.taken(taken);
    }
    // A server ended while it resized a cluster of ours.
    for (const { id, lease } of await unfinishedResizes(leases)) {
      if (!leases.hasValidLease(id) || (await leases.claim([lease])).length === 0) continue;
      await this.local.taken([id]);
      await leases.release(lease);
    }
  }

  private async apply({ clusters, views, cellRuns, findings }: News): Promise<void> {
    const { replicas, rows } = this.parts;
    for (const row of views) {
      const view = viewOf(row);
      if (view) this.views.set(row.cluster, view);
      else this.reportUnreadable(row.cluster, 'view');
    }
    const changed = new Map(clusters.map(row => [row.id, row]));
    const shown = views
      .map(({ cluster }) => cluster)
      .filter(id => !changed.has(id) && !replicas.leases.holdsLease(id));
    for (const row of await rows.some(shown)) changed.set(row.id, row);
    for (const row of changed.values()) {
      if (replicas.leases.holdsLease(row.id)) {
        await this.applyRemoteChange(row.id);
        continue;
      }
      this.publish(row);
      if (row.stopped_at !== null) await this.end(row.id);
    }
    for (const row of cellRuns) this.applyCellRun(row);
    for (const row of findings) this.applyFinding(row);
  }

  /** An invalid row must not prevent all others from being shown. */
  private publish(row: ClusterRow): void {
    try {
      this.local.publish(row);
    } catch (error) {
      this.reportUnreadable(row.id, 'row', error);
    }
  }

  private async end(id: string): Promise<void> {
    this.local.ended();
    try {
      await this.parts.launcher.over?.(id);
    } catch (error) {
      this.parts.log.error({ err: error, cluster: id }, 'The end of a cluster was not applied.');
    }
  }

  private applyCellRun(row: CellRunRow): void {
    if (this.local.follows(row.cluster)) return;
    const { journal } = this.parts;
    const cellRun = cellRunOf(row);
    if (!cellRun) this.reportUnreadable(row.cluster, 'cell run');
    else if (journal.isNews(cellRun)) journal.publish({ type: 'cell-run', cellRun });
  }

  private reportUnreadable(cluster: string, what: string, error?: unknown): void {
    this.parts.log.warn(
      { cluster, ...(error !== undefined && { err: error }) },
      `A ${what} that another server wrote cannot be shown here; everything else is.`
    );
  }

  /** Another server received a request for a cluster of ours. */
  private async applyRemoteChange(id: string): Promise<void> {
    const shown = this.parts.journal.clusters.get(id);
    const row = await this.parts.rows.get(id);
    if (!row || !shown) return;
    const { kernel, notebook, jupyterServer, shape } = shown;
    const isSame =
      row.kernel === kernel && row.notebook === notebook && row.jupyter_server === jupyterServer;
    if (!isSame || row.shape !== JSON.stringify(shape)) this.local.place(row);
    const isLive = ['requested', 'starting', 'ready'].includes(shown.state);
    if (row.desired === 'stopped' && isLive) {
      this.publish(row);
      this.local.enqueue(id);
    }
  }

  private applyFinding(row: FindingRow): void {
    const { journal } = this.parts;
    const known = journal.finding(row.cluster, row.id);
    if (this.local.follows(row.cluster)) {
      // Findings are known here before they are in the row; a dismissal is not.
      if (known && !known.dismissed && row.dismissed === 1)
        journal.publish({ type: 'finding', finding: { ...known, dismissed: true } });
      return;
    }
    if (row.withdrawn === 1) {
      if (known) journal.publish({ type: 'finding-withdrawn', cluster: row.cluster, id: row.id });
      return;
    }
    const finding = locatedFinding(row);
    if (!finding) return this.reportUnreadable(row.cluster, 'finding');
    if (JSON.stringify(known) !== JSON.stringify(finding))
      journal.publish({ type: 'finding', finding });
  }

  /** While this server ran the cluster, it did not apply what others wrote about it. */
  private async reload(id: string): Promise<void> {
    const { rows, findings, journal } = this.parts;
    await this.load([id]);
    const row = await rows.get(id);
    if (row) this.publish(row);
    for (const cellRun of await findings.cellRunsOf([id]))
      if (journal.isNews(cellRun)) journal.publish({ type: 'cell-run', cellRun });
    const found = await findings.findingsOf([id]);
    const ids = new Set(found.map(({ finding }) => finding.id));
    for (const { cluster, finding } of [...journal.findings.values()])
      if (cluster === id && !ids.has(finding.id))
        journal.publish({ type: 'finding-withdrawn', cluster: id, id: finding.id });
    for (const finding of found)
      if (JSON.stringify(journal.finding(id, finding.finding.id)) !== JSON.stringify(finding))
        journal.publish({ type: 'finding', finding });
  }

  /** One server deletes old clusters; the others delete what they have of them. */
  private async forget(): Promise<void> {
    const { rows, journal, launcher, log, replicas } = this.parts;
    try {
      await replicas.leases.deleteExpired();
      await replicas.jupyterServers.deleteSilent();
      const shown = [...journal.clusters.keys()];
      const known = new Set((await rows.some(shown)).map(({ id }) => id));
      for (const id of shown) {
        if (known.has(id)) continue;
        journal.forget(id);
        await launcher.forget(id);
      }
      // Also of those that this server has deleted itself.
      for (const id of this.views.keys()) if (!journal.clusters.has(id)) this.views.delete(id);
    } catch (error) {
      log.error({ err: error }, 'Old clusters were not deleted here; retrying.');
    }
  }
}
