import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Observation } from '@aglais/diagnosis';
import {
  nextLife,
  Shape,
  type Capacity,
  type CellRunReport,
  type Cluster,
  type ClusterRequest,
  type Endpoint,
  type KernelDeath,
  type KernelReport,
  type PlacedFinding,
  type ResizeAnswer
} from '@aglais/protocol';
import { notFound, ProblemError } from '../problems.js';
import type { ClusterRow } from '../store/schema.js';
import { admit, largestShape } from './admission.js';
import { CellRuns } from './cell-runs.js';
import { ClusterKeeper, type KeeperOptions } from './cluster-keeper.js';
import { totalMiB, type Room } from './room.js';
import { ResizeIncomplete, ResizeRefused } from './launchers/launcher.js';
import { Turns } from './turns.js';

/** The turn in which the memory of the machine is given out. */
const ADMISSION = 'admission';
/** A Jupyter Server reports every 30 s. */
const JUPYTER_SILENT_MS = 120_000;

export interface ClustersOptions extends KeeperOptions {
  defaultShape: Shape;
}

/** The clusters of all kernels, as users and kernels ask for them. What they ask for is written down; the keeper does it. */
export class Clusters {
  private readonly keeper: ClusterKeeper;
  private readonly cellRuns: CellRuns;
  /** One admission at a time. */
  private readonly turns = new Turns();
  /** When each Jupyter Server last said which kernels it has, on a clock that stands still while the machine sleeps. */
  private readonly lastReports = new Map<string, number>();
  /** The Jupyter server of each kernel, as last reported: a kernel may end before it is reported with its cluster. */
  private readonly homes = new Map<string, string>();
  private readonly openedAt = performance.now();
  /** From then on nothing is started. */
  private ending = false;

  constructor(private readonly options: ClustersOptions) {
    this.cellRuns = new CellRuns(options.launcher, options.journal, options.findings);
    this.keeper = new ClusterKeeper(options, this.cellRuns, rows => this.stopOrphans(rows));
  }

  /** Finds what an earlier server left, and from then on looks after it. */
  async open(): Promise<void> {
    await this.keeper.open();
  }

  /** Leaves the clusters as they are; a later server adopts them. */
  async close(): Promise<void> {
    await this.keeper.close();
    await this.turns.idle();
  }

  /** Stops every cluster, lets no new one begin, and waits until they are gone. */
  async stopAll(reason: string): Promise<void> {
    this.ending = true;
    // A restart may be between its two clusters: it is let finish, and is refused the second.
    await this.turns.take(ADMISSION, async () => {
      const live = await this.options.rows.live();
      await Promise.all(live.map(row => this.options.rows.wantStopped(row.id, reason)));
      await Promise.all(live.map(row => this.keeper.settle(row.id)));
    });
  }

  list(): Cluster[] {
    return [...this.options.journal.clusters.values()];
  }

  get(id: string): Cluster {
    const cluster = this.options.journal.clusters.get(id);
    if (!cluster) throw notFound(`The cluster ${id}`);
    return cluster;
  }

  /** The kernel's cluster: the one it has, or a new one. Throws a problem if there is no room. */
  async request(request: ClusterRequest): Promise<{ cluster: Cluster; created: boolean }> {
    return this.turns.take(ADMISSION, () => this.findOrCreate(request));
  }

  private async findOrCreate(
    request: ClusterRequest
  ): Promise<{ cluster: Cluster; created: boolean }> {
    const { rows, launcher, defaultShape } = this.options;
    if (this.ending) {
      throw new ProblemError(
        503,
        'ending',
        'Aglais is just ending; no Spark was started. Start Aglais again, then run the cell again.'
      );
    }
    const present = await rows.wantedByKernel(request.kernel);
    if (present) return { cluster: this.get(present.id), created: false };
    // A kernel that was once granted another shape keeps it when Spark starts again by itself.
    const shape = request.shape ?? (await rows.lastShape(request.kernel)) ?? defaultShape;
    const room = await launcher.room();
    admit(shape, room, await this.holders(room), defaultShape);
    const now = Date.now();
    const row: ClusterRow = {
      // Sorts by time, and cannot be guessed.
      id: `${now.toString(36)}${randomBytes(5).toString('hex')}`,
      kernel: request.kernel,
      notebook: request.notebook,
      jupyter_server: this.homes.get(request.kernel) ?? null,
      launcher: launcher.kind,
      shape: JSON.stringify(shape),
      desired: 'running',
      state: 'requested',
      reason: null,
      application: null,
      spark_version: null,
      created_at: now,
      ready_at: null,
      stopped_at: null,
      last_used_at: now
    };
    if (!(await rows.insert(row))) {
      const other = await rows.wantedByKernel(request.kernel);
      if (other) return { cluster: this.get(other.id), created: false };
    }
    const cluster = this.keeper.publish(row);
    this.keeper.settleSoon(row.id);
    return { cluster, created: true };
  }

  async stop(id: string, reason = 'Spark was stopped by you.'): Promise<Cluster> {
    this.get(id);
    await this.options.rows.wantStopped(id, reason);
    await this.keeper.refresh(id);
    this.keeper.settleSoon(id);
    return this.get(id);
  }

  /** A new cluster for the same kernel, of the same shape unless another is asked for. */
  async restart(id: string, shape?: Shape): Promise<Cluster> {
    // The kernel may ask for its cluster while none is there: it waits for this turn and gets the new one.
    return this.turns.take(ADMISSION, async () => {
      const old = this.get(id);
      const wanted = shape ?? old.shape;
      const room = await this.options.launcher.room();
      const others = (await this.holders(room)).filter(holder => holder.cluster !== id);
      // Refused before anything is stopped: a wrong size must not cost the cluster that works.
      admit(wanted, room, others, this.options.defaultShape);
      await this.options.rows.wantStopped(id, 'Spark was restarted by you.');
      await this.keeper.settle(id);
      const request = { kernel: old.kernel, notebook: old.notebook, shape: wanted };
      return (await this.findOrCreate(request)).cluster;
    });
  }

  /** Another size for a cluster that goes on as it is; see `takesLive` for what can be changed so. */
  async resize(id: string, shape: Shape): Promise<ResizeAnswer> {
    return this.turns.take(`size of ${id}`, async () => {
      const { rows, launcher } = this.options;
      const old = await this.turns.take(ADMISSION, () => this.grantSize(id, shape));
      // Others are admitted meanwhile: executors may take a while to come.
      const done = await launcher.resize(id, shape).catch((error: unknown) => error as Error);
      const refused = done === 'restart-needed' || done instanceof Error;
      if (refused && !(done instanceof ResizeIncomplete)) {
        await rows.update(id, { shape: JSON.stringify(old) });
      }
      await this.keeper.refresh(id);
      if (refused) throw notResized(done);
      return { ...this.get(id), lost: done === 'live' ? null : done.lost };
    });
  }

  /** Writes the new size down if there is room for it; a server that is killed then brings it about when it is there again. */
  private async grantSize(id: string, shape: Shape): Promise<Shape> {
    const { rows, launcher, defaultShape } = this.options;
    const { state, shape: old } = this.get(id);
    if (state !== 'ready') {
      throw new ProblemError(409, 'not-ready', `This cluster is ${state}. Nothing was changed.`);
    }
    const room = await launcher.room();
    const others = (await this.holders(room)).filter(holder => holder.cluster !== id);
    admit(shape, room, others, defaultShape);
    await rows.update(id, { shape: JSON.stringify(shape) });
    return old;
  }

  endpoint(id: string): Endpoint {
    const cluster = this.get(id);
    const reached = this.keeper.reach(id);
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
      nextLife: nextLife(this.cellRuns.newestOf(cluster.kernel))
    };
  }

  async reportCellRun(id: string, report: CellRunReport): Promise<void> {
    this.get(id);
    await this.cellRuns.report(id, report, this.keeper.follows(id));
    await this.options.rows.update(id, { last_used_at: Date.now() });
  }

  /** A kernel died by itself: what it ran is over, and its cluster's evidence says why. */
  async reportKernelDeath(death: KernelDeath): Promise<void> {
    const row = await this.options.rows.wantedByKernel(death.kernel);
    if (row) await this.cellRuns.kernelDied(row.id, death, this.keeper.follows(row.id));
  }

  /**
   * What a Jupyter Server has now; clusters of kernels that it no longer has are stopped.
   * @param whyGone asked for evidence, should kernels be gone
   */
  async reportKernels(
    jupyterServer: string,
    report: KernelReport,
    whyGone: () => Promise<Observation | null> = () => Promise.resolve(null)
  ): Promise<void> {
    const { rows, launcher } = this.options;
    this.lastReports.set(jupyterServer, performance.now());
    for (const [kernel, home] of this.homes) if (home === jupyterServer) this.homes.delete(kernel);
    for (const kernel of report.kernels) {
      this.homes.set(kernel.id, jupyterServer);
      const row = await rows.placeKernel(kernel.id, jupyterServer, kernel.notebook);
      if (row) this.keeper.place(row);
    }
    const gone = await rows.abandoned(
      jupyterServer,
      report.kernels.map(kernel => kernel.id)
    );
    const why = gone.length > 0 ? await whyGone() : null;
    await Promise.all(
      gone.map(async row => {
        if (why) await launcher.record(row.id, why);
        await this.stop(row.id, 'Spark was stopped because the kernel of its notebook ended.');
      })
    );
  }

  /** What was found, in all notebooks or in one. */
  findings(notebook: string | null): PlacedFinding[] {
    const all = [...this.options.journal.findings.values()];
    return notebook === null ? all : all.filter(placed => placed.notebook === notebook);
  }

  async dismiss(id: string, findingId: string): Promise<void> {
    this.get(id);
    const placed = this.options.journal.finding(id, findingId);
    if (!placed) throw notFound(`The finding ${findingId}`);
    const dismissed = { ...placed, dismissed: true };
    await this.options.findings.saveFinding(dismissed);
    this.options.journal.publish({ type: 'finding', finding: dismissed });
  }

  async capacity(): Promise<Capacity> {
    const { launcher, defaultShape } = this.options;
    const room = await launcher.room();
    const holders = await this.holders(room);
    return {
      totalMiB: room.memoryMiB,
      grantedMiB: holders.reduce((sum, holder) => sum + holder.grantedMiB, 0),
      holders,
      defaultShape,
      largestShape: largestShape(room, defaultShape)
    };
  }

  /** Lines of evidence of the clusters that are followed now which could not be read. */
  unreadableLines(): number {
    return this.keeper.unreadableLines();
  }

  /** The cluster as soon as it is newer than `revision`, or as it is after `waitMs`. */
  async newerThan(id: string, revision: number, waitMs: number): Promise<Cluster> {
    const present = this.get(id);
    if (present.revision > revision || waitMs <= 0) return present;
    const heard = new AbortController();
    const leave = this.options.journal.onChange(change => {
      if (change.type === 'cluster' && change.cluster.id === id) heard.abort();
    });
    await sleep(waitMs, undefined, { signal: heard.signal }).catch(() => undefined);
    leave();
    return this.get(id);
  }

  private async holders(room: Room): Promise<Capacity['holders']> {
    return (await this.options.rows.live()).map(row => ({
      cluster: row.id,
      notebook: row.notebook,
      grantedMiB: totalMiB(Shape.parse(JSON.parse(row.shape)), room)
    }));
  }

  /** A Jupyter Server that crashed cannot say that its kernels are gone. */
  private async stopOrphans(unfinished: readonly ClusterRow[]): Promise<void> {
    for (const row of unfinished) {
      if (row.jupyter_server === null || row.desired === 'stopped') continue;
      const heard = this.lastReports.get(row.jupyter_server) ?? this.openedAt;
      if (performance.now() - heard < JUPYTER_SILENT_MS) continue;
      await this.options.rows.wantStopped(row.id, 'Spark was stopped because Jupyter is gone.');
    }
  }
}

function notResized(why: 'restart-needed' | Error): Error {
  if (why instanceof ResizeRefused) return new ProblemError(409, 'resize-refused', why.message);
  if (why instanceof ResizeIncomplete)
    return new ProblemError(409, 'resize-incomplete', why.message);
  if (why instanceof Error) return why;
  return new ProblemError(
    409,
    'restart-needed',
    'A running Spark cannot take this size: heaps and processors are fixed when it starts, and so is the number of executors ' +
      'on one machine. This size needs a new Spark. Nothing was changed. Restart Spark with it: temporary views and cached tables are lost then, Python ' +
      'variables are kept.'
  );
}
