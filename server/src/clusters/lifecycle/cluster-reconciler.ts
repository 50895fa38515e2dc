import type { Cluster } from '@aglais/protocol';
import { ClusterWatches } from '../../evidence/cluster-watches.js';
import { Loop, type LoopHealth } from '../../loop.js';
import type { Metric } from '../../metrics.js';
import type { ClusterRow } from '../../store/schema.js';
import type { CellRuns } from '../cell-runs.js';
import { ClusterViews } from '../cluster-views.js';
import { ClusterWarnings, sizeNotChanged } from '../cluster-warnings.js';
import type { DriverAddress } from '../driver-address.js';
import { ClusterStep } from './cluster-step.js';
import { DesiredShapes } from './desired-shapes.js';
import { SINGLE_SERVER, type LeaseHolder } from './lease-holder.js';
import { nextStepMs } from './next-step.js';
import { OrphanCollector } from './orphan-collector.js';
import { reconcilerMetrics } from './reconciler-metrics.js';
import type { ReconcilerOptions } from './reconciler-options.js';
import type { LocalReconciler, RemoteClusters } from './remote-clusters.js';
import { WorkQueue } from './work-queue.js';

/** Resync interval for clusters that nothing has queued, ms. */
const RESYNC_MS = 2_000;
const ORPHANS_MS = 10_000;
const SPARES_MS = 2_000;
const RETENTION_MS = 30_000;
/** A loop that takes longer than this is stuck: each of its calls has a shorter deadline, ms. */
const STUCK_MS = 120_000;
const PARALLELISM = 16;
/** A step that takes longer than this frees its worker for other clusters, ms. */
const STEP_DEADLINE_MS = 60_000;
/** How long the shutdown waits for running steps, ms. */
const CLOSE_MS = 15_000;
/** Number of consecutive failures after which the notebook shows a warning. */
const REPORTED_FAILURES = 3;

/**
 * Reconciles clusters with their desired state in the database, follows their evidence, and publishes them: a work
 * queue of clusters, filled by requests, by changes that the launcher reports, and by periodic resyncs. With several
 * servers, each reconciles the clusters whose leases it holds, and shows the others.
 */
export class ClusterReconciler implements LocalReconciler {
  private readonly watches: ClusterWatches;
  private readonly leaseHolder: LeaseHolder;
  private readonly remote: RemoteClusters | null;
  private readonly views: ClusterViews;
  private readonly warnings: ClusterWarnings;
  private readonly orphans: OrphanCollector;
  private readonly desiredShapes: DesiredShapes;
  private readonly clusterStep: ClusterStep;
  private readonly queue: WorkQueue;
  private readonly loops: readonly Loop[];
  private stopWatching: () => void = () => undefined;

  /** @param beforeResync may request that clusters are stopped before all of them are queued */
  constructor(
    private readonly options: ReconcilerOptions,
    cellRuns: CellRuns,
    private readonly beforeResync: (unfinished: readonly ClusterRow[]) => Promise<void>,
    reconcileSpares: () => Promise<void>
  ) {
    const { launcher, journal, deadlines, log } = options;
    this.leaseHolder = options.leaseHolder ?? SINGLE_SERVER;
    this.remote = options.remoteClusters ?? null;
    const { leaseHolder, remote: remoteClusters } = this;
    this.warnings = new ClusterWarnings(id => this.refreshSoon(id));
    this.watches = new ClusterWatches({
      ...options,
      source: launcher,
      onResources: id => this.refreshSoon(id),
      onProblem: (id, source, problem) => this.warnings.set(id, source, problem)
    });
    this.views = new ClusterViews({
      ...{ journal, idleMs: deadlines.idleMs, leaseHolder, remoteClusters },
      ...{ watches: this.watches, warnings: this.warnings },
      resizeInPlace: launcher.capabilities.resizeInPlace
    });
    this.desiredShapes = new DesiredShapes({
      ...options,
      onGivenUp: (id, why) => this.warnOfShape(id, sizeNotChanged(why))
    });
    this.orphans = new OrphanCollector({
      ...options,
      leaseHolder,
      follows: id => this.follows(id),
      onForgotten: id => this.warnings.forget(id)
    });
    this.clusterStep = new ClusterStep({
      ...options,
      ...{ leaseHolder, remoteClusters, cellRuns, watches: this.watches, views: this.views },
      onEnded: () => this.orphans.ended()
    });
    this.queue = new WorkQueue({
      work: id => this.work(id),
      onError: (id, error, failures, ms) => this.failed(id, error, failures, ms),
      onOverdue: (cluster, runningMs) =>
        log.warn({ cluster, runningMs }, 'a step takes long; other clusters are not delayed'),
      parallelism: PARALLELISM,
      deadlineMs: STEP_DEADLINE_MS
    });
    const loop = (name: string, intervalMs: number, run: () => Promise<void>) =>
      new Loop({ name, intervalMs, limitMs: STUCK_MS, run, log });
    this.loops = [
      loop('resync', RESYNC_MS, () => this.resync()),
      loop('orphans', ORPHANS_MS, () => this.collectOrphans()),
      loop('spares', SPARES_MS, reconcileSpares),
      loop('retention', RETENTION_MS, () => this.forgetExpired())
    ];
  }

  /** Adopts existing clusters, and reconciles from then on. */
  async open(): Promise<void> {
    const { rows, findings, journal, launcher } = this.options;
    this.remote?.attach(this);
    const remembered = (await rows.remembered()).reverse();
    const ids = remembered.map(row => row.id);
    await this.remote?.load(ids);
    for (const row of remembered) this.publish(row);
    for (const cellRun of await findings.cellRunsOf(ids))
      journal.publish({ type: 'cell-run', cellRun });
    for (const finding of await findings.findingsOf(ids))
      journal.publish({ type: 'finding', finding });
    await this.remote?.open();
    this.stopWatching = launcher.watch?.(id => this.queue.notify(id)) ?? this.stopWatching;
    await this.resync();
    await this.collectOrphans();
    if (!this.remote) void this.desiredShapes.applyDesiredShapes();
    for (const loop of this.loops) loop.start();
  }

  /** Leaves the clusters running; the next server adopts them. */
  async close(): Promise<void> {
    this.stopWatching();
    this.desiredShapes.close();
    await Promise.all(this.loops.map(loop => loop.close()));
    await this.remote?.close();
    await this.queue.close(CLOSE_MS);
    await this.watches.close();
    await this.remote?.flush();
  }

  async forgetExpired(): Promise<void> {
    await this.orphans.forgetExpired();
  }

  /** Health of the background loops. */
  health(): LoopHealth[] {
    return this.loops.map(loop => loop.health());
  }

  metrics(): Metric[] {
    return reconcilerMetrics(this.queue, this.watches, this.warnings);
  }

  follows(id: string): boolean {
    return this.watches.has(id);
  }

  /** Whether any server follows the cluster's evidence. */
  async isFollowed(id: string): Promise<boolean> {
    if (this.follows(id) || !this.remote) return this.follows(id);
    const row = await this.options.rows.get(id);
    return row !== undefined && row.stopped_at === null;
  }

  followed(): string[] {
    return this.watches.ids();
  }

  quiet(): string[] {
    const { clusters } = this.options.journal;
    return this.followed().filter(
      id =>
        this.leaseHolder.hasValidLease(id) &&
        clusters.get(id)?.state === 'ready' &&
        !this.watches.busy(id)
    );
  }

  /** The driver's address, once it listens. */
  async address(id: string): Promise<DriverAddress | null> {
    return this.views.address(id) ?? (await this.remote?.address(id)) ?? null;
  }

  place(row: ClusterRow): Cluster {
    this.watches.place(row);
    return this.publish(row);
  }

  /** Publishes why the last resize of the cluster failed, for people; null: it did not. */
  warnOfShape(id: string, warning: string | null): void {
    this.warnings.set(id, 'shape', warning);
    this.refreshSoon(id);
  }

  /** Whether a pod of the cluster is unschedulable. */
  isUnplaced(id: string): boolean {
    return this.views.isUnplaced(id);
  }

  /** Number of lines of evidence that could not be read, of all followed clusters. */
  unreadableLines(): number {
    return this.watches.unreadableLines();
  }

  /** Queues the cluster, if this server reconciles it. */
  enqueue(id: string): void {
    if (this.leaseHolder.holdsLease(id)) this.queue.add(id);
  }

  async taken(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      this.enqueue(id);
      const row = await this.options.rows.get(id);
      if (row) void this.desiredShapes.applyDesiredShape(row);
    }
  }

  async lost(id: string): Promise<void> {
    this.queue.forget(id);
    await this.watches.leave(id);
    this.views.recordObserved(id, null);
  }

  ended(): void {
    this.orphans.ended();
  }

  /**
   * Waits until the cluster is gone, whichever server removes it.
   * @returns false if that takes longer than `withinMs`
   */
  async untilGone(id: string, withinMs: number): Promise<boolean> {
    const { journal } = this.options;
    const isGone = (): boolean => journal.clusters.get(id)?.stoppedAt !== null;
    this.enqueue(id);
    return journal.until(isGone, withinMs);
  }

  /** Publishes the current row. */
  async refresh(id: string): Promise<void> {
    const row = await this.options.rows.get(id);
    if (row) this.publish(row);
  }

  publish(row: ClusterRow): Cluster {
    return this.views.publish(row);
  }

  private refreshSoon(id: string): void {
    this.refresh(id).catch((error: unknown) =>
      this.options.log.warn(
        { err: error, cluster: id },
        'a change was not published; the next one is'
      )
    );
  }

  /** One step; returns the delay until the next one, ms. */
  private async work(id: string): Promise<number | null> {
    const result = await this.clusterStep.run(id);
    this.warnings.set(id, 'lifecycle', null);
    const { launcher, deadlines } = this.options;
    return nextStepMs(result, launcher.watch !== undefined, deadlines.idleMs, Date.now());
  }

  private failed(id: string, error: unknown, failures: number, retryInMs: number): void {
    const { log } = this.options;
    log.warn({ err: error, cluster: id, failures, retryInMs }, 'a step failed and is tried again');
    if (failures < REPORTED_FAILURES) return;
    const message = error instanceof Error ? error.message : String(error);
    this.warnings.set(
      id,
      'lifecycle',
      `The server cannot bring this cluster to its desired state at the moment (${message}). It keeps trying.`
    );
  }

  /** Queues all clusters of this server that are not finished. */
  private async resync(): Promise<void> {
    const unfinished = await this.options.rows.unfinished();
    const own = unfinished.filter(({ id }) => this.leaseHolder.hasValidLease(id));
    await this.beforeResync(own);
    for (const { id } of own) this.queue.addIfAbsent(id);
  }

  private async collectOrphans(): Promise<void> {
    const unfinished = await this.options.rows.unfinished();
    const left = await this.orphans.collect(new Set(unfinished.map(({ id }) => id)));
    for (const id of left) this.queue.addIfAbsent(id);
  }
}
