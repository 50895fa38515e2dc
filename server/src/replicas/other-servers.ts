import type { Cluster } from '@aglais/protocol';
import type { Logger } from 'pino';
import type { ClusterRows } from '../clusters/cluster-rows.js';
import { unfinishedResizes } from '../clusters/cluster-shapes.js';
import type { DriverAddress } from '../clusters/driver-address.js';
import type { LocalReconciler, RemoteClusters } from '../clusters/lifecycle/remote-clusters.js';
import type { Launcher } from '../launchers/launcher.js';
import { cellRunOf, locatedFinding, type FindingRows } from '../findings/finding-rows.js';
import type { FindingRow } from '../store/schema.js';
import type { Journal } from '../stream/journal.js';
import type { Feed, News } from './feed.js';
import type { Leases } from './leases.js';
import { viewOf, type SavedView, type ViewRows } from './view-rows.js';

/** Clusters that nobody keeps are looked for this often, and those that were lost. */
const LOOK_MS = 1_000;
/** How long a change of what is shown may stay on this server, ms. */
const SHOW_MS = 500;
/** What another server has forgotten is looked for this often, ms. */
const FORGET_MS = 60_000;

/** What the servers of an installation share. */
export interface Replicas {
  leases: Leases;
  feed: Feed;
  views: ViewRows;
}

export interface OtherServersParts {
  replicas: Replicas;
  rows: ClusterRows;
  findings: FindingRows;
  journal: Journal;
  launcher: Launcher;
  log: Logger;
}

/** Makes this server show what others keep, others show what it keeps, and takes over from those that are gone. */
export class OtherServers implements RemoteClusters {
  /** Clusters as their keepers show them. */
  private readonly views = new Map<string, Cluster>();
  private readonly toShow = new Map<string, SavedView>();
  private readonly timers: NodeJS.Timeout[] = [];
  private busy: Promise<void> = Promise.resolve();
  private showing: Promise<void> = Promise.resolve();
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
    await this.look();
    this.timers.push(
      setInterval(() => void this.look(), LOOK_MS),
      setInterval(() => void this.flush(), SHOW_MS),
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
    this.toShow.set(cluster.id, { cluster, address, eventLines });
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
    // One after the other: an older view must not come last.
    this.showing = this.showing.then(async () => {
      const shown = [...this.toShow.values()];
      this.toShow.clear();
      try {
        await this.parts.replicas.views.save(shown);
      } catch (error) {
        this.parts.log.error({ err: error }, 'clusters were not shown to other servers');
        for (const one of shown)
          if (!this.toShow.has(one.cluster.id)) this.toShow.set(one.cluster.id, one);
      }
    });
    await this.showing;
  }

  /** Takes what nobody keeps, and lets go of what somebody else has taken. One look at a time. */
  private look(): Promise<void> {
    this.busy = this.busy.then(async () => {
      if (this.isClosed) return;
      try {
        await this.lookOnce();
      } catch (error) {
        this.parts.log.error({ err: error }, 'leases were not looked at; it is tried again');
      }
    });
    return this.busy;
  }

  private async lookOnce(): Promise<void> {
    const { replicas, log } = this.parts;
    const { leases } = replicas;
    for (const id of this.local.followed()) {
      if (leases.keeps(id)) continue;
      await this.local.lost(id);
      await this.reload(id);
    }
    const free = await leases.free();
    const taken = await leases.claim(free);
    if (taken.length > 0) {
      log.info({ clusters: taken }, 'clusters that no server kept are kept by this one');
      await this.local.taken(taken);
    }
    // A server ended while it gave a cluster of ours another size.
    for (const { id, lease } of await unfinishedResizes(leases)) {
      if (!leases.hasValidLease(id) || (await leases.claim([lease])).length === 0) continue;
      await this.local.taken([id]);
      await leases.release(lease);
    }
  }

  private async apply({ clusters, views, cellRuns, findings }: News): Promise<void> {
    const { journal, replicas, rows, launcher } = this.parts;
    for (const row of views) {
      const view = viewOf(row);
      if (view) this.views.set(row.cluster, view);
    }
    const changed = new Map(clusters.map(row => [row.id, row]));
    const shown = views
      .map(({ cluster }) => cluster)
      .filter(id => !changed.has(id) && !replicas.leases.keeps(id));
    for (const row of await rows.some(shown)) changed.set(row.id, row);
    for (const row of changed.values()) {
      if (replicas.leases.keeps(row.id)) {
        await this.applyRemoteChange(row.id);
        continue;
      }
      this.local.publish(row);
      if (row.stopped_at === null) continue;
      this.local.ended();
      await launcher.over?.(row.id);
    }
    for (const row of cellRuns) {
      if (this.local.follows(row.cluster)) continue;
      const cellRun = cellRunOf(row);
      if (journal.isNews(cellRun)) journal.publish({ type: 'cell-run', cellRun });
    }
    for (const row of findings) this.applyFinding(row);
  }

  /** What another server was asked to do with a cluster of ours. */
  private async applyRemoteChange(id: string): Promise<void> {
    const shown = this.parts.journal.clusters.get(id);
    const row = await this.parts.rows.get(id);
    if (!row || !shown) return;
    const { kernel, notebook, shape } = shown;
    const isSame = row.kernel === kernel && row.notebook === notebook;
    if (!isSame || row.shape !== JSON.stringify(shape)) this.local.place(row);
    const isLive = ['requested', 'starting', 'ready'].includes(shown.state);
    if (row.desired === 'stopped' && isLive) {
      this.local.publish(row);
      this.local.enqueue(id);
    }
  }

  private applyFinding(row: FindingRow): void {
    const { journal } = this.parts;
    const known = journal.finding(row.cluster, row.id);
    if (this.local.follows(row.cluster)) {
      // What is found is known here before it is in the row; that somebody dismissed it is not.
      if (known && !known.dismissed && row.dismissed === 1)
        journal.publish({ type: 'finding', finding: { ...known, dismissed: true } });
      return;
    }
    if (row.withdrawn === 1) {
      if (known) journal.publish({ type: 'finding-withdrawn', cluster: row.cluster, id: row.id });
      return;
    }
    const finding = locatedFinding(row);
    if (JSON.stringify(known) !== JSON.stringify(finding))
      journal.publish({ type: 'finding', finding });
  }

  /** While this server followed the cluster, it did not listen to what others said of it. */
  private async reload(id: string): Promise<void> {
    const { rows, findings, journal } = this.parts;
    await this.load([id]);
    const row = await rows.get(id);
    if (row) this.local.publish(row);
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

  /** The server that keeps house has forgotten old clusters; what is here of them is of no use to anybody. */
  private async forget(): Promise<void> {
    const { rows, journal, launcher, log } = this.parts;
    try {
      const shown = [...journal.clusters.keys()];
      const known = new Set((await rows.some(shown)).map(({ id }) => id));
      for (const id of shown) {
        if (known.has(id)) continue;
        this.views.delete(id);
        journal.forget(id);
        await launcher.forget(id);
      }
    } catch (error) {
      log.error({ err: error }, 'old clusters were not forgotten; it is tried again');
    }
  }
}
