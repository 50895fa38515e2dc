import type { Observation } from '@aglais/diagnosis';
import {
  nextRunOffset,
  type CapacityReport,
  type CellRunReport,
  type Cluster,
  type ClusterRequest,
  type Endpoint,
  type KernelDeath,
  type KernelReport,
  type LocatedFinding,
  type ResizeAnswer,
  type RestartRequest,
  type Shape
} from '@aglais/protocol';
import type { SpareTarget } from '../launchers/launcher.js';
import type { LoopHealth } from '../loop.js';
import type { Metric } from '../metrics.js';
import { notFound, ProblemError } from '../problems.js';
import type { ClusterRow } from '../store/schema.js';
import { ClusterAdmission } from './admission/cluster-admission.js';
import { CellRuns } from './cell-runs.js';
import { ClusterShapes } from './cluster-shapes.js';
import { LocalJupyterServers, type JupyterServers } from './jupyter-servers.js';
import { KernelReports } from './kernel-reports.js';
import { canonicalShape } from './row-shape.js';
import { ClusterReconciler } from './lifecycle/cluster-reconciler.js';
import type { ReconcilerOptions } from './lifecycle/reconciler-options.js';
import { SINGLE_SERVER } from './lifecycle/lease-holder.js';
import { Spares } from './lifecycle/spares.js';

/** How long a restart request waits for the end of the old cluster; the new one waits for it in any case, ms. */
const RESTART_MS = 20_000;

/** A share that was declared since then may be missing in a spare, ms. */
const ADOPTION_MS = 5_000;
const NO_SPARES = { targets: [], waitForJupyter: false, waitForQuiet: false };

export interface ClustersOptions extends ReconcilerOptions {
  defaultShape: Shape;
  /** Clusters that are started before anybody asks; none if missing. */
  spares?: { targets: readonly SpareTarget[]; waitForJupyter: boolean; waitForQuiet: boolean };
  /** State of the Jupyter Servers; in memory if this is the only server. */
  jupyterServers?: JupyterServers;
}

/** The clusters of all kernels, for users and kernels. Requests are saved; the reconciler fulfils them. */
export class Clusters {
  private readonly reconciler: ClusterReconciler;
  private readonly admission: ClusterAdmission;
  private readonly cellRuns: CellRuns;
  private readonly shapes: ClusterShapes;
  private readonly kernels: KernelReports;

  constructor(private readonly options: ClustersOptions) {
    const { launcher, journal, findings } = options;
    const jupyterServers = options.jupyterServers ?? new LocalJupyterServers();
    this.cellRuns = new CellRuns(launcher, journal, findings);
    const leaseHolder = options.leaseHolder ?? SINGLE_SERVER;
    const { targets, ...waits } = options.spares ?? NO_SPARES;
    const spares = new Spares({
      ...{ ...options, ...waits, jupyterServers, leaseHolder },
      targets: targets
        .filter(({ count }) => count > 0)
        .map(({ shape, count }) => ({ shape: canonicalShape(shape), count })),
      enqueue: id => this.reconciler.enqueue(id),
      refresh: id => this.reconciler.refresh(id),
      isUnplaced: id => this.reconciler.isUnplaced(id)
    });
    this.admission = new ClusterAdmission({
      ...{ ...options, jupyterServers },
      catalogueHash: () => spares.catalogueHash(ADOPTION_MS)
    });
    this.reconciler = new ClusterReconciler(
      options,
      this.cellRuns,
      unfinished => this.kernels.stopAbandoned(unfinished),
      () => spares.reconcile()
    );
    this.shapes = new ClusterShapes({
      ...options,
      leaseHolder,
      refresh: id => this.reconciler.refresh(id),
      warn: (id, warning) => this.reconciler.warnOfShape(id, warning)
    });
    this.kernels = new KernelReports({
      ...{ ...options, jupyterServers, reconciler: this.reconciler, cellRuns: this.cellRuns },
      stop: (id, reason) => this.stop(id, reason)
    });
  }

  /** Adopts existing clusters, and reconciles from then on. */
  async open(): Promise<void> {
    await this.reconciler.open();
  }

  /** Leaves the clusters running; the next server adopts them. */
  async close(): Promise<void> {
    await this.admission.drain();
    await this.reconciler.close();
  }

  /**
   * Stops every cluster, admits no new one, and waits until they are gone.
   * @returns the ids of those that still exist after `withinMs`
   */
  async stopAll(reason: string, withinMs: number): Promise<string[]> {
    const { rows } = this.options;
    await this.admission.end();
    const live = await rows.live();
    await Promise.all(live.map(row => rows.requestStop(row.id, reason)));
    const gone = await Promise.all(live.map(({ id }) => this.reconciler.untilGone(id, withinMs)));
    return live.flatMap(({ id }, index) => (gone[index] ? [] : [id]));
  }

  /** Applies the retention policy now, if clusters have ended since the last time. */
  async forgetExpired(): Promise<void> {
    await this.reconciler.forgetExpired();
  }

  /** Health of the background loops. */
  health(): LoopHealth[] {
    return this.reconciler.health();
  }

  metrics(): Metric[] {
    return this.reconciler.metrics();
  }

  list(): Cluster[] {
    return [...this.options.journal.clusters.values()];
  }

  async get(id: string): Promise<Cluster> {
    const { journal, remoteClusters } = this.options;
    // Another server may just have created it.
    if (!journal.clusters.has(id)) await remoteClusters?.refresh();
    return this.known(id);
  }

  private known(id: string): Cluster {
    const cluster = this.options.journal.clusters.get(id);
    if (!cluster) throw notFound(`The cluster ${id}`);
    return cluster;
  }

  /** The published state may be newer than a row that was read a moment ago. */
  private viewOf(row: ClusterRow): Cluster {
    const known = this.options.journal.clusters.get(row.id);
    return known?.kernel === row.kernel ? known : this.reconciler.place(row);
  }

  /** The kernel's cluster: the existing one, or a new one. Throws a problem if there is no capacity. */
  async request(request: ClusterRequest): Promise<{ cluster: Cluster; created: boolean }> {
    const { row, created } = await this.admission.request(request);
    const cluster = this.viewOf(row);
    this.reconciler.enqueue(row.id);
    return { cluster, created };
  }

  async stop(id: string, reason = 'Spark was stopped by you.'): Promise<Cluster> {
    await this.get(id);
    await this.options.rows.requestStop(id, reason);
    await this.reconciler.refresh(id);
    this.reconciler.enqueue(id);
    return this.known(id);
  }

  /** A new cluster for the same kernel, with the same shape and options unless others are requested. */
  async restart(id: string, request: RestartRequest = {}): Promise<Cluster> {
    const row = await this.admission.restart(await this.get(id), request);
    await this.reconciler.refresh(id);
    const cluster = this.viewOf(row);
    this.reconciler.enqueue(row.id);
    await this.reconciler.untilGone(id, RESTART_MS);
    return this.known(cluster.id);
  }

  /** Resizes a cluster that keeps running. */
  async resize(id: string, shape: Shape): Promise<ResizeAnswer> {
    await this.get(id);
    const lost = await this.shapes.resize(id, shape);
    return { ...this.known(id), lost };
  }

  async endpoint(id: string): Promise<Endpoint> {
    const cluster = await this.get(id);
    const address = await this.reconciler.address(id);
    if (cluster.state !== 'ready' || !address) {
      throw new ProblemError(
        409,
        'not-ready',
        `This cluster is ${cluster.state}${cluster.reason ? `: ${cluster.reason}` : '.'}`
      );
    }
    return {
      ...address,
      token: this.options.tokens.forCluster(id),
      runOffset: nextRunOffset(this.cellRuns.newestOf(cluster.kernel))
    };
  }

  async reportCellRun(id: string, report: CellRunReport): Promise<void> {
    await this.get(id);
    await this.cellRuns.report(id, report, await this.reconciler.isFollowed(id));
    await this.options.rows.used(id);
  }

  async reportKernelDeath(death: KernelDeath): Promise<void> {
    await this.kernels.kernelDied(death);
  }

  /** @see KernelReports.report */
  async reportKernels(
    jupyterServer: string,
    report: KernelReport,
    whatKilled: () => Promise<{ at: number; pod: Observation } | null> = () => Promise.resolve(null)
  ): Promise<void> {
    await this.kernels.report(jupyterServer, report, whatKilled);
  }

  /** Findings of all notebooks, or of one. */
  findings(notebook: string | null): LocatedFinding[] {
    const all = [...this.options.journal.findings.values()];
    return notebook === null ? all : all.filter(located => located.notebook === notebook);
  }

  async dismiss(id: string, findingId: string): Promise<void> {
    await this.get(id);
    const { journal, findings } = this.options;
    if (!journal.finding(id, findingId)) throw notFound(`The finding ${findingId}`);
    await findings.dismiss(id, findingId);
    const located = journal.finding(id, findingId);
    if (located) journal.publish({ type: 'finding', finding: { ...located, dismissed: true } });
  }

  async capacity(): Promise<CapacityReport> {
    return this.admission.capacity();
  }

  /** Number of lines of evidence that could not be read, of all followed clusters. */
  unreadableLines(): number {
    return this.reconciler.unreadableLines();
  }

  /** The cluster as soon as it is newer than `revision`, or its current state after `waitMs`. */
  async newerThan(id: string, revision: number, waitMs: number): Promise<Cluster> {
    await this.get(id);
    const { journal } = this.options;
    const isNewer = () => (journal.clusters.get(id)?.revision ?? Infinity) > revision;
    if (waitMs > 0) await journal.until(isNewer, waitMs);
    return this.known(id);
  }
}
