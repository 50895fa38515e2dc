import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Observation } from '@aglais/diagnosis';
import {
  nextRunOffset,
  Shape,
  type CapacityReport,
  type CellRunReport,
  type Cluster,
  type ClusterRequest,
  type Endpoint,
  type KernelDeath,
  type KernelReport,
  type LocatedFinding,
  type ResizeAnswer,
  type RestartRequest
} from '@aglais/protocol';
import { notFound, ProblemError } from '../problems.js';
import type { ClusterRow } from '../store/schema.js';
import { admit, holdersOf, largestShape } from './admission/admit.js';
import { CellRuns } from './cell-runs.js';
import type { ClusterRows } from './cluster-rows.js';
import { ClusterReconciler, type ReconcilerOptions } from './lifecycle/cluster-reconciler.js';
import { SINGLE_SERVER } from './lifecycle/lease-holder.js';
import { ClusterShapes } from './cluster-shapes.js';
import { LocalJupyterServers, type JupyterServers } from './jupyter-servers.js';
import { chooseOptions, capacityWith } from './admission/options.js';
import type { Capacity } from '../launchers/capacity.js';
import { KeyedMutex } from '../keyed-mutex.js';

/** The turn in which the memory of the machine is given out. */
const ADMISSION = 'admission';

export interface ClustersOptions extends ReconcilerOptions {
  defaultShape: Shape;
  /** What is known of Jupyter Servers; this server's own knowledge where it is alone. */
  jupyterServers?: JupyterServers;
}

/** The clusters of all kernels, as users and kernels ask for them. What they ask for is written down; the keeper does it. */
export class Clusters {
  private readonly keeper: ClusterReconciler;
  private readonly cellRuns: CellRuns;
  /** One admission at a time. */
  private readonly mutex = new KeyedMutex();
  private readonly sizes: ClusterShapes;
  private readonly jupyterServers: JupyterServers;
  /** From then on nothing is started. */
  private ending = false;

  constructor(private readonly options: ClustersOptions) {
    this.cellRuns = new CellRuns(options.launcher, options.journal, options.findings);
    this.keeper = new ClusterReconciler(options, this.cellRuns, rows => this.stopOrphans(rows));
    this.sizes = new ClusterShapes({
      ...options,
      leaseHolder: options.leaseHolder ?? SINGLE_SERVER,
      refresh: id => this.keeper.refresh(id)
    });
    this.jupyterServers = options.jupyterServers ?? new LocalJupyterServers();
  }

  /** Finds what an earlier server left, and from then on looks after it. */
  async open(): Promise<void> {
    await this.keeper.open();
  }

  /** Leaves the clusters as they are; a later server adopts them. */
  async close(): Promise<void> {
    await this.keeper.close();
    await this.mutex.drain();
  }

  /** Stops every cluster, lets no new one begin, and waits until they are gone. */
  async stopAll(reason: string): Promise<void> {
    this.ending = true;
    await this.mutex.runExclusive(ADMISSION, async () => {
      const live = await this.options.rows.live();
      await Promise.all(live.map(row => this.options.rows.requestStop(row.id, reason)));
      await Promise.all(live.map(row => this.keeper.reconcileUntilStable(row.id)));
    });
  }

  list(): Cluster[] {
    return [...this.options.journal.clusters.values()];
  }

  async get(id: string): Promise<Cluster> {
    const { journal, remoteClusters } = this.options;
    // Another server may have made it a moment ago.
    if (!journal.clusters.has(id)) await remoteClusters?.refresh();
    return this.known(id);
  }

  private known(id: string): Cluster {
    const cluster = this.options.journal.clusters.get(id);
    if (!cluster) throw notFound(`The cluster ${id}`);
    return cluster;
  }

  /** The kernel's cluster: the one it has, or a new one. Throws a problem if there is no capacity. */
  async request(request: ClusterRequest): Promise<{ cluster: Cluster; created: boolean }> {
    return this.mutex.runExclusive(ADMISSION, async () => {
      const { rows, launcher, defaultShape } = this.options;
      this.refuseAtTheEnd();
      const present = await rows.desiredOfKernel(request.kernel);
      if (present) return { cluster: this.shown(present), created: false };
      // A kernel that was once granted another shape keeps it when Spark starts again by itself.
      const shape = request.shape ?? (await rows.lastShape(request.kernel)) ?? defaultShape;
      const before = await rows.lastOptions(request.kernel);
      const options = chooseOptions(request.options, before, launcher.offers());
      const capacity = await capacityWith(options, launcher);
      const home = await this.jupyterServers.jupyterServerOf(request.kernel);
      const row = this.newRow({ ...request, shape, options }, home, null);
      const made = await rows.transaction(async bound => {
        const other = await bound.desiredOfKernel(request.kernel);
        if (other) return { row: other, created: false };
        admit(shape, capacity, await this.holders(capacity, bound), defaultShape);
        await bound.insert(row);
        return { row, created: true };
      });
      const cluster = this.shown(made.row);
      this.keeper.enqueue(made.row.id);
      return { cluster, created: made.created };
    });
  }

  /** What was told of it may be newer than a row that was read a moment ago. */
  private shown(row: ClusterRow): Cluster {
    return this.options.journal.clusters.get(row.id) ?? this.keeper.publish(row);
  }

  private refuseAtTheEnd(): void {
    if (!this.ending) return;
    throw new ProblemError(
      503,
      'ending',
      'Aglais is just ending; no Spark was started. Start Aglais again, then run the cell again.'
    );
  }

  private newRow(
    {
      kernel,
      notebook,
      shape,
      options
    }: { kernel: string; notebook: string; shape: Shape; options: readonly string[] },
    home: string | null,
    replaces: string | null
  ): ClusterRow {
    const now = Date.now();
    return {
      // Sorts by time, and cannot be guessed.
      id: `${now.toString(36)}${randomBytes(5).toString('hex')}`,
      kernel,
      notebook,
      jupyter_server: home,
      launcher: this.options.launcher.kind,
      shape: JSON.stringify(shape),
      options: JSON.stringify(options),
      desired: 'running',
      state: 'requested',
      reason: null,
      application: null,
      spark_version: null,
      created_at: now,
      ready_at: null,
      stopped_at: null,
      last_used_at: now,
      replaces,
      revision: 0
    };
  }

  async stop(id: string, reason = 'Spark was stopped by you.'): Promise<Cluster> {
    await this.get(id);
    await this.options.rows.requestStop(id, reason);
    await this.keeper.refresh(id);
    this.keeper.enqueue(id);
    return this.known(id);
  }

  /** A new cluster for the same kernel, of the same shape and with the same options unless others are asked for. */
  async restart(id: string, { shape, options: asked }: RestartRequest = {}): Promise<Cluster> {
    const { rows, launcher, defaultShape } = this.options;
    const old = await this.get(id);
    const wanted = shape ?? old.shape;
    const options = chooseOptions(asked, old.options, launcher.offers());
    // Both at once: a kernel that asks for its cluster meanwhile gets the new one, and a server that is killed loses none.
    const cluster = await this.mutex.runExclusive(ADMISSION, async () => {
      this.refuseAtTheEnd();
      const capacity = await capacityWith(options, launcher);
      const home = await this.jupyterServers.jupyterServerOf(old.kernel);
      const made = await rows.transaction(async bound => {
        const others = (await this.holders(capacity, bound)).filter(
          holder => holder.cluster !== id
        );
        // Refused before anything is stopped: a wrong size must not cost the cluster that works.
        admit(wanted, capacity, others, defaultShape);
        await bound.requestStop(id, 'Spark was restarted by you.');
        const other = await bound.desiredOfKernel(old.kernel);
        if (other) return other;
        const row = this.newRow({ ...old, shape: wanted, options }, home, id);
        await bound.insert(row);
        return row;
      });
      await this.keeper.refresh(id);
      return this.shown(made);
    });
    this.keeper.enqueue(cluster.id);
    await this.keeper.reconcileUntilStable(id);
    return this.known(cluster.id);
  }

  /** Another size for a cluster that goes on as it is. */
  async resize(id: string, shape: Shape): Promise<ResizeAnswer> {
    await this.get(id);
    const lost = await this.sizes.resize(id, shape);
    return { ...this.known(id), lost };
  }

  async endpoint(id: string): Promise<Endpoint> {
    const cluster = await this.get(id);
    const reached = await this.keeper.reach(id);
    if (cluster.state !== 'ready' || !reached) {
      throw new ProblemError(
        409,
        'not-ready',
        `This cluster is ${cluster.state}${cluster.reason ? `: ${cluster.reason}` : '.'}`
      );
    }
    return {
      ...reached,
      token: this.options.tokens.forCluster(id),
      runOffset: nextRunOffset(this.cellRuns.newestOf(cluster.kernel))
    };
  }

  async reportCellRun(id: string, report: CellRunReport): Promise<void> {
    await this.get(id);
    await this.cellRuns.report(id, report, await this.keeper.isFollowed(id));
    await this.options.rows.used(id);
  }

  /** A kernel died by itself: what it ran is over, and its cluster's evidence says why. */
  async reportKernelDeath(death: KernelDeath): Promise<void> {
    const row = await this.options.rows.desiredOfKernel(death.kernel);
    if (!row) return;
    await this.cellRuns.kernelDied(row.id, death, await this.keeper.isFollowed(row.id));
  }

  /**
   * What a Jupyter Server has now; clusters of kernels that it no longer has are stopped.
   * @param whatKilled asked for, should kernels be gone: what may have ended all of them at once, and when
   */
  async reportKernels(
    jupyterServer: string,
    report: KernelReport,
    whatKilled: () => Promise<{ at: number; pod: Observation } | null> = () => Promise.resolve(null)
  ): Promise<void> {
    const { rows, launcher } = this.options;
    const kernels = report.kernels.map(kernel => kernel.id);
    await this.jupyterServers.heard(jupyterServer, kernels);
    for (const kernel of report.kernels) {
      const row = await rows.placeKernel(kernel.id, jupyterServer, kernel.notebook);
      if (row) this.keeper.place(row);
    }
    const gone = await rows.abandoned(jupyterServer, kernels);
    const killed = gone.length > 0 ? await whatKilled() : null;
    await Promise.all(
      gone.map(async row => {
        // One that began later has ended of something else.
        if (killed && row.created_at < killed.at) await launcher.record(row.id, killed.pod);
        await this.stop(row.id, 'Spark was stopped because the kernel of its notebook ended.');
      })
    );
  }

  /** What was found, in all notebooks or in one. */
  findings(notebook: string | null): LocatedFinding[] {
    const all = [...this.options.journal.findings.values()];
    return notebook === null ? all : all.filter(placed => placed.notebook === notebook);
  }

  async dismiss(id: string, findingId: string): Promise<void> {
    await this.get(id);
    const { journal, findings } = this.options;
    if (!journal.finding(id, findingId)) throw notFound(`The finding ${findingId}`);
    await findings.dismiss(id, findingId);
    const placed = journal.finding(id, findingId);
    if (placed) journal.publish({ type: 'finding', finding: { ...placed, dismissed: true } });
  }

  async capacity(): Promise<CapacityReport> {
    const { launcher, defaultShape } = this.options;
    const capacity = await launcher.capacity();
    const holders = await this.holders(capacity, this.options.rows);
    return {
      totalMiB: capacity.memoryMiB,
      grantedMiB: holders.reduce((sum, holder) => sum + holder.grantedMiB, 0),
      holders,
      defaultShape,
      largestShape: largestShape(capacity, defaultShape),
      options: [...launcher.offers()]
    };
  }

  /** Lines of evidence of the clusters that are followed now which could not be read. */
  unreadableLines(): number {
    return this.keeper.unreadableLines();
  }

  /** The cluster as soon as it is newer than `revision`, or as it is after `waitMs`. */
  async newerThan(id: string, revision: number, waitMs: number): Promise<Cluster> {
    const present = await this.get(id);
    if (present.revision > revision || waitMs <= 0) return present;
    const heard = new AbortController();
    const leave = this.options.journal.onChange(change => {
      if (change.type === 'cluster' && change.cluster.id === id) heard.abort();
    });
    await sleep(waitMs, undefined, { signal: heard.signal }).catch(() => undefined);
    leave();
    return this.known(id);
  }

  private async holders(capacity: Capacity, rows: ClusterRows): Promise<CapacityReport['holders']> {
    return holdersOf(await rows.live(), capacity);
  }

  /** A Jupyter Server that crashed cannot say that its kernels are gone. */
  private async stopOrphans(unfinished: readonly ClusterRow[]): Promise<void> {
    const homes = unfinished.flatMap(row =>
      row.jupyter_server === null || row.desired === 'stopped' ? [] : [row.jupyter_server]
    );
    const silent = await this.jupyterServers.silent([...new Set(homes)]);
    for (const row of unfinished) {
      if (row.jupyter_server === null || !silent.has(row.jupyter_server)) continue;
      await this.options.rows.requestStop(row.id, 'Spark was stopped because Jupyter is gone.');
    }
  }
}
