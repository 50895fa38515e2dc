import { setTimeout as sleep } from 'node:timers/promises';
import { Shape, type Cluster } from '@aglais/protocol';
import type { Logger } from 'pino';
import type { FindingRows } from '../../findings/finding-rows.js';
import type { Tokens } from '../../identity/tokens.js';
import { notFound } from '../../problems.js';
import type { ClusterRow } from '../../store/schema.js';
import type { Journal } from '../../stream/journal.js';
import type { CellRuns } from '../cell-runs.js';
import type { ClusterRows } from '../cluster-rows.js';
import { ClusterWatches } from '../../evidence/cluster-watches.js';
import { decide, type Deadlines } from './decide.js';
import { OrphanCollector } from './orphan-collector.js';
import type { Launcher, SharePath } from '../../launchers/launcher.js';
import { ClusterViews } from '../cluster-views.js';
import type { DriverAddress } from '../driver-address.js';
import { KeyedMutex } from '../../keyed-mutex.js';
import { DesiredShapes } from './desired-shapes.js';
import { SINGLE_SERVER, type LeaseHolder } from './lease-holder.js';
import type { RemoteClusters } from './remote-clusters.js';

/** All clusters are looked at this often; a cluster that starts or stops, at each STEP_MS. */
const TICK_MS = 1_000;
const STEP_MS = 40;
/** What another server does is looked for this often by one who waits for it. */
const OTHERS_STEP_MS = 200;
/** Against the hour after which an idle cluster is stopped, nothing. */
const USED_MS = 10_000;
export interface ReconcilerOptions {
  launcher: Launcher;
  rows: ClusterRows;
  findings: FindingRows;
  journal: Journal;
  tokens: Tokens;
  /** Statements that make the tables of the shares known, as they are now. */
  catalogue: () => Promise<string[]>;
  /** Where the data of the shares are, as far as they are there now. */
  shares: () => Promise<SharePath[]>;
  deadlines: Deadlines;
  log: Logger;
  /** Missing: this is the only server. */
  leaseHolder?: LeaseHolder | null;
  /** Missing: this is the only server. */
  remoteClusters?: RemoteClusters | null;
}

/**
 * Brings the world to what the database wants, follows what happens there, and tells it.
 * Every step may be interrupted at any line; the next start goes on from what it finds. Where there are several servers, each
 * does so for the clusters that it keeps, and shows the others.
 */
export class ClusterReconciler {
  private readonly watches: ClusterWatches;
  private readonly leaseHolder: LeaseHolder;
  private readonly others: RemoteClusters | null;
  private readonly settling = new Set<string>();
  private readonly shown: ClusterViews;
  private readonly housekeeping: OrphanCollector;
  private readonly sizes: DesiredShapes;
  /** One step at a time for each cluster. */
  private readonly mutex = new KeyedMutex();
  private readonly abort = new AbortController();
  private ticking: Promise<void> = Promise.resolve();
  /** That a cluster is used is written down this often. */
  private readonly usedMs: number;

  /** @param beforeLook may want clusters stopped before all are looked at */
  constructor(
    private readonly options: ReconcilerOptions,
    private readonly cellRuns: CellRuns,
    private readonly beforeLook: (unfinished: readonly ClusterRow[]) => Promise<void>
  ) {
    this.watches = new ClusterWatches(options, id => this.refresh(id));
    this.leaseHolder = options.leaseHolder ?? SINGLE_SERVER;
    this.others = options.remoteClusters ?? null;
    const { leaseHolder, others, watches } = this;
    const { journal, deadlines } = options;
    const { idleMs } = deadlines;
    this.usedMs = Math.min(USED_MS, idleMs / 20);
    this.shown = new ClusterViews({ journal, idleMs, leaseHolder, others, watches });
    this.sizes = new DesiredShapes(options);
    this.housekeeping = new OrphanCollector({
      ...options,
      leaseHolder,
      follows: id => this.follows(id)
    });
  }

  /** Whether this server reads the cluster's evidence. */
  follows(id: string): boolean {
    return this.watches.has(id);
  }

  /** Whether any server does. */
  async isFollowed(id: string): Promise<boolean> {
    if (this.follows(id) || !this.others) return this.follows(id);
    const row = await this.options.rows.get(id);
    return row !== undefined && row.stopped_at === null;
  }

  /** Where the driver listens, once it does, and what makes it known. */
  async reach(id: string): Promise<DriverAddress | null> {
    return this.shown.reach(id) ?? (await this.others?.address(id)) ?? null;
  }

  /** The cluster's notebook has another name now. */
  place(row: ClusterRow): void {
    this.watches.place(row);
    this.publish(row);
  }

  /** Lines of evidence of the clusters that are followed now which could not be read. */
  unreadableLines(): number {
    return this.watches.unreadableLines();
  }

  /** Finds what an earlier server left, and from then on looks after it. */
  async open(): Promise<void> {
    const { rows, findings, journal } = this.options;
    this.others?.attach(this);
    const recent = (await rows.recent()).reverse();
    const ids = recent.map(row => row.id);
    await this.others?.load(ids);
    for (const row of recent) this.publish(row);
    for (const cellRun of await findings.cellRunsOf(ids))
      journal.publish({ type: 'cell-run', cellRun });
    for (const finding of await findings.findingsOf(ids))
      journal.publish({ type: 'finding', finding });
    await this.others?.open();
    await this.tick();
    if (!this.others) void this.sizes.applyDesiredShapes();
    this.ticking = this.tickForever();
  }

  /** Leaves the clusters as they are; a later server adopts them. */
  async close(): Promise<void> {
    this.abort.abort();
    await this.others?.close();
    await this.ticking;
    await this.mutex.drain();
    await this.watches.close();
    await this.others?.flush();
  }

  /** Another server had these clusters, or nobody. */
  async taken(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      this.enqueue(id);
      const row = await this.options.rows.get(id);
      if (row) void this.sizes.applyDesiredShape(row);
    }
  }

  /** Another server keeps it now: from here it is only shown. */
  async lost(id: string): Promise<void> {
    await this.watches.leave(id);
    this.shown.recordObserved(id, null);
  }

  /** Another server has seen one to its end: the oldest may be forgotten. */
  ended(): void {
    this.housekeeping.ended();
  }

  /** Clusters of which this server knows more than the rows say. */
  followed(): string[] {
    return this.watches.ids();
  }

  private async tickForever(): Promise<void> {
    while (!this.abort.signal.aborted) {
      await sleep(TICK_MS, undefined, { signal: this.abort.signal }).catch(() => undefined);
      if (!this.abort.signal.aborted) await this.tick();
    }
  }

  private async tick(): Promise<void> {
    try {
      const unfinished = await this.options.rows.unfinished();
      const own = unfinished.filter(({ id }) => this.leaseHolder.hasValidLease(id));
      await this.beforeLook(own);
      const left = await this.housekeeping.look(new Set(unfinished.map(({ id }) => id)));
      await Promise.all([...own.map(({ id }) => id), ...left].map(id => this.step(id)));
      await this.housekeeping.forgetOld();
    } catch (error) {
      this.options.log.error(
        { err: error },
        'looking after the clusters failed; it is tried again'
      );
    }
  }

  /** Steps until the cluster is ready, or gone. */
  async reconcileUntilStable(id: string): Promise<void> {
    while (!this.abort.signal.aborted) {
      const { state } = await this.step(id);
      if (state === 'ready' || state === 'stopped' || state === 'failed') return;
      await sleep(this.leaseHolder.keeps(id) ? STEP_MS : OTHERS_STEP_MS);
    }
  }

  /** Without waiting. What fails (the database may be away) is left to the next look at all clusters. */
  enqueue(id: string): void {
    if (this.settling.has(id) || !this.leaseHolder.keeps(id)) return;
    this.settling.add(id);
    this.reconcileUntilStable(id)
      .catch((error: unknown) =>
        this.options.log.error({ err: error, cluster: id }, 'a cluster was not brought further')
      )
      .finally(() => this.settling.delete(id));
  }

  /** Looks at one cluster and does the next thing for it; one that another server keeps is only looked at. */
  private async step(id: string): Promise<Cluster> {
    return this.mutex.runExclusive(id, async () => {
      const { rows, launcher, deadlines, log } = this.options;
      const row = await rows.get(id);
      if (!row) throw notFound(`The cluster ${id}`);
      if (!this.leaseHolder.hasValidLease(id) || (await this.waitsForOther(row)))
        return this.publish(row);
      const observed = await launcher.observe(id);
      this.shown.recordObserved(id, observed);
      const decision = decide(row, observed, this.watches.busy(id), Date.now(), deadlines);
      const over = observed === null && decision.action === 'none' && hasEnded(decision.state);
      // Before it is written down: a server that is killed in between does it again.
      if (over && row.stopped_at === null) await this.conclude(row);
      if (decision.state === 'ready' && row.state !== 'ready') await this.shown.publishAddress(row);
      const changed = await this.write(row, decision, over);
      // Another server keeps it now: what was decided is no longer this one's to do.
      if (!changed || !this.leaseHolder.hasValidLease(id)) return this.publish(row);
      this.shown.reconciled(changed);
      try {
        if (decision.action === 'start') await this.start(changed);
        if (decision.action === 'stop') await launcher.stop(id);
      } catch (error) {
        log.error({ err: error, cluster: id }, `the step "${decision.action}" failed`);
        if (decision.action === 'start') {
          const reason = `Spark could not be started: ${(error as Error).message}`;
          await rows.updateIfHolder(id, { desired: 'stopped', state: 'failed', reason });
        }
      }
      if (observed && decision.action !== 'stop' && this.leaseHolder.keeps(id))
        this.watches.follow(changed);
      if (over) await this.leaseHolder.release(id);
      return this.shown.reconciled(changed);
    });
  }

  /** Of a restart: whether the cluster before it is still there. */
  private async waitsForOther(row: ClusterRow): Promise<boolean> {
    const { rows, deadlines } = this.options;
    if (row.replaces === null || row.desired === 'stopped') return false;
    const before = await rows.get(row.replaces);
    const now = Date.now();
    if (!before || before.stopped_at !== null) {
      // Its own time begins now.
      const change = { replaces: null, created_at: now };
      Object.assign(row, change);
      return !(await rows.updateIfHolder(row.id, change));
    }
    if (now - row.created_at > deadlines.startMs) {
      const reason = 'Spark was not started again because the one before it does not go away.';
      await rows.updateIfHolder(row.id, { desired: 'stopped', state: 'failed', reason });
    }
    return true;
  }

  private async start(row: ClusterRow): Promise<void> {
    await this.options.launcher.start({
      id: row.id,
      shape: Shape.parse(JSON.parse(row.shape)),
      options: JSON.parse(row.options) as string[],
      token: this.options.tokens.forCluster(row.id),
      catalogue: await this.options.catalogue(),
      shares: await this.options.shares()
    });
  }

  /** Brings the row to what was decided; returns it as it is then, or null if another server keeps it. */
  private async write(
    row: ClusterRow,
    decision: ReturnType<typeof decide>,
    over: boolean
  ): Promise<ClusterRow | null> {
    const { state, desired, reason } = decision;
    const application = this.watches.diagnosis(row.id)?.application;
    const busy = this.watches.busy(row.id);
    const change: Partial<ClusterRow> = {
      ...(state !== row.state && { state }),
      ...(desired !== row.desired && { desired }),
      ...(reason !== row.reason && { reason }),
      ...(state === 'ready' && row.ready_at === null && { ready_at: Date.now() }),
      ...(over && row.stopped_at === null && { stopped_at: Date.now() }),
      ...(application?.id && row.application === null && { application: application.id }),
      ...(application?.sparkVersion &&
        row.spark_version === null && { spark_version: application.sparkVersion })
    };
    if (busy && Date.now() - row.last_used_at > this.usedMs) {
      await this.options.rows.used(row.id);
      row.last_used_at = Date.now();
    }
    if (Object.keys(change).length === 0) return row;
    if (!(await this.options.rows.updateIfHolder(row.id, change))) return null;
    if (change.stopped_at) this.housekeeping.ended();
    if (change.state) {
      this.options.log.info(
        { cluster: row.id, notebook: row.notebook, reason },
        `cluster ${state}`
      );
    }
    return { ...row, ...change };
  }

  /** All that is known of a cluster that is over is told, and kept with its row. */
  private async conclude(row: ClusterRow): Promise<void> {
    const told = (await this.others?.eventLines(row.id)) ?? 0;
    const { application, eventLines } = await this.watches.conclude(row, told);
    await this.others?.concluded(row.id, eventLines);
    if (row.application === null && application.id) {
      const change = { application: application.id, spark_version: application.sparkVersion };
      await this.options.rows.updateIfHolder(row.id, change);
      Object.assign(row, change);
    }
    await this.cellRuns.conclude(row.id);
  }

  /** Tells everybody what the row says now. */
  async refresh(id: string): Promise<void> {
    const row = await this.options.rows.get(id);
    if (row) this.publish(row);
  }

  /** Tells everybody about the cluster if anything of it is new. */
  publish(row: ClusterRow): Cluster {
    return this.shown.publish(row);
  }
}

function hasEnded(state: string): boolean {
  return state === 'stopped' || state === 'failed';
}
