import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  shapeTotalMiB,
  Shape,
  type Capacity,
  type CellRunReport,
  type Cluster,
  type ClusterRequest,
  type Endpoint,
  type KernelReport,
  type PlacedFinding
} from '@aglais/protocol';
import type { Logger } from 'pino';
import { ClusterWatch } from '../evidence/cluster-watch.js';
import type { FindingRows } from '../findings/finding-rows.js';
import type { Tokens } from '../identity/tokens.js';
import { notFound, ProblemError } from '../problems.js';
import type { ClusterRow } from '../store/schema.js';
import type { Journal } from '../stream/journal.js';
import { admit, largestShape } from './admission.js';
import { CellRuns } from './cell-runs.js';
import type { ClusterRows } from './cluster-rows.js';
import { clusterView } from './cluster-view.js';
import { decide, type Deadlines } from './decide.js';
import type { Launcher, ObservedCluster } from './launchers/launcher.js';
import { Turns } from './turns.js';

/** All clusters are looked at this often; a cluster that starts or stops, at each STEP_MS. */
const TICK_MS = 1_000;
const STEP_MS = 40;
/** The turn in which the memory of the machine is given out. */
const ADMISSION = 'admission';
/** A Jupyter Server reports every 30 s. */
const JUPYTER_SILENT_MS = 120_000;

export interface ClustersOptions {
  launcher: Launcher;
  rows: ClusterRows;
  findings: FindingRows;
  journal: Journal;
  tokens: Tokens;
  /** Statements that make the tables of the shares known, as they are now. */
  catalogue: () => Promise<string[]>;
  defaultShape: Shape;
  deadlines: Deadlines;
  log: Logger;
}

/**
 * The clusters of all kernels: keeps what is wanted in the database, and brings the world there.
 * Every step may be interrupted at any line; the next start goes on from what it finds.
 */
export class Clusters {
  private readonly watches = new Map<string, ClusterWatch>();
  private readonly observed = new Map<string, ObservedCluster>();
  /** One step at a time for each cluster, and one admission at a time for all. */
  private readonly turns = new Turns();
  private readonly abort = new AbortController();
  private ticking: Promise<void> = Promise.resolve();
  /** When each Jupyter Server last said which kernels it has, on a clock that stands still while the machine sleeps. */
  private readonly lastReports = new Map<string, number>();
  private readonly openedAt = performance.now();
  private lastRevision = 0;
  /** From then on nothing is started. */
  private ending = false;

  private readonly cellRuns: CellRuns;

  constructor(private readonly options: ClustersOptions) {
    this.cellRuns = new CellRuns(options.launcher, options.journal, options.findings);
  }

  /** Finds what an earlier server left, and from then on looks after it. */
  async open(): Promise<void> {
    const { rows, findings, journal } = this.options;
    const recent = (await rows.recent()).reverse();
    const ids = recent.map(row => row.id);
    for (const row of recent) this.publish(row);
    for (const cellRun of await findings.cellRunsOf(ids))
      journal.publish({ type: 'cell-run', cellRun });
    for (const finding of await findings.findingsOf(ids))
      journal.publish({ type: 'finding', finding });
    await this.tick();
    this.ticking = this.tickForever();
  }

  /** Leaves the clusters as they are; a later server adopts them. */
  async close(): Promise<void> {
    this.abort.abort();
    await this.ticking;
    await this.turns.idle();
    await Promise.all([...this.watches.values()].map(watch => watch.close()));
    this.watches.clear();
  }

  /** Stops every cluster, lets no new one begin, and waits until they are gone. */
  async stopAll(reason: string): Promise<void> {
    this.ending = true;
    // A restart may be between its two clusters: it is let finish, and is refused the second.
    await this.turns.take(ADMISSION, async () => {
      const live = await this.options.rows.live();
      await Promise.all(live.map(row => this.options.rows.wantStopped(row.id, reason)));
      await Promise.all(live.map(row => this.settle(row.id)));
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
    admit(shape, launcher.memoryMiB(), await this.holders(), defaultShape);
    const now = Date.now();
    const row: ClusterRow = {
      // Sorts by time, and cannot be guessed.
      id: `${now.toString(36)}${randomBytes(5).toString('hex')}`,
      kernel: request.kernel,
      notebook: request.notebook,
      jupyter_server: null,
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
    const cluster = this.publish(row);
    this.settleSoon(row.id);
    return { cluster, created: true };
  }

  async stop(id: string, reason = 'Spark was stopped by you.'): Promise<Cluster> {
    this.get(id);
    await this.options.rows.wantStopped(id, reason);
    await this.refresh(id);
    this.settleSoon(id);
    return this.get(id);
  }

  /** A new cluster for the same kernel, of the same shape unless another is asked for. */
  async restart(id: string, shape?: Shape): Promise<Cluster> {
    // The kernel may ask for its cluster while none is there: it waits for this turn and gets the new one.
    return this.turns.take(ADMISSION, async () => {
      const old = this.get(id);
      const wanted = shape ?? old.shape;
      const others = (await this.holders()).filter(holder => holder.cluster !== id);
      // Refused before anything is stopped: a wrong size must not cost the cluster that works.
      admit(wanted, this.options.launcher.memoryMiB(), others, this.options.defaultShape);
      await this.options.rows.wantStopped(id, 'Spark was restarted by you.');
      await this.settle(id);
      const request = { kernel: old.kernel, notebook: old.notebook, shape: wanted };
      return (await this.findOrCreate(request)).cluster;
    });
  }

  endpoint(id: string): Endpoint {
    const cluster = this.get(id);
    const url = this.observed.get(id)?.url;
    if (cluster.state !== 'ready' || !url) {
      throw new ProblemError(
        409,
        'not-ready',
        `This cluster is ${cluster.state}${cluster.reason ? `: ${cluster.reason}` : '.'}`
      );
    }
    return { url, token: this.options.tokens.forCluster(id) };
  }

  async reportCellRun(id: string, report: CellRunReport): Promise<void> {
    this.get(id);
    await this.cellRuns.report(id, report, this.watches.has(id));
    await this.options.rows.update(id, { last_used_at: Date.now() });
  }

  /** What a Jupyter Server has now; clusters of kernels that it no longer has are stopped. */
  async reportKernels(jupyterServer: string, report: KernelReport): Promise<void> {
    const { rows } = this.options;
    this.lastReports.set(jupyterServer, performance.now());
    for (const kernel of report.kernels) {
      const row = await rows.placeKernel(kernel.id, jupyterServer, kernel.notebook);
      if (!row) continue;
      this.watches.get(row.id)?.place(row.notebook);
      this.publish(row);
    }
    const gone = await rows.abandoned(
      jupyterServer,
      report.kernels.map(kernel => kernel.id)
    );
    await Promise.all(
      gone.map(row =>
        this.stop(row.id, 'Spark was stopped because the kernel of its notebook ended.')
      )
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
    const holders = await this.holders();
    const totalMiB = launcher.memoryMiB();
    return {
      totalMiB,
      grantedMiB: holders.reduce((sum, holder) => sum + holder.grantedMiB, 0),
      holders,
      defaultShape,
      largestShape: largestShape(totalMiB, defaultShape)
    };
  }

  /** Lines of evidence of the clusters that are followed now which could not be read. */
  unreadableLines(): number {
    const watches = [...this.watches.values()];
    return watches.reduce((sum, { diagnosis }) => sum + diagnosis.problems.count, 0);
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

  private async holders(): Promise<Capacity['holders']> {
    return (await this.options.rows.live()).map(row => ({
      cluster: row.id,
      notebook: row.notebook,
      grantedMiB: shapeTotalMiB(Shape.parse(JSON.parse(row.shape)))
    }));
  }

  private async tickForever(): Promise<void> {
    while (!this.abort.signal.aborted) {
      await sleep(TICK_MS, undefined, { signal: this.abort.signal }).catch(() => undefined);
      if (!this.abort.signal.aborted) await this.tick();
    }
  }

  private async tick(): Promise<void> {
    try {
      const live = await this.options.rows.live();
      await this.stopOrphans(live);
      const known = new Set(live.map(row => row.id));
      for (const { id } of await this.options.launcher.list()) {
        if (known.has(id) || this.watches.has(id)) continue;
        if (await this.options.rows.get(id)) known.add(id);
        else {
          this.options.log.warn({ cluster: id }, 'a cluster that nobody asked for is removed');
          await this.options.launcher.stop(id);
        }
      }
      await Promise.all([...known].map(id => this.step(id)));
    } catch (error) {
      this.options.log.error(
        { err: error },
        'looking after the clusters failed; it is tried again'
      );
    }
  }

  /** A Jupyter Server that crashed cannot say that its kernels are gone. */
  private async stopOrphans(live: readonly ClusterRow[]): Promise<void> {
    for (const row of live) {
      if (row.jupyter_server === null || row.desired === 'stopped') continue;
      const heard = this.lastReports.get(row.jupyter_server) ?? this.openedAt;
      if (performance.now() - heard < JUPYTER_SILENT_MS) continue;
      await this.options.rows.wantStopped(row.id, 'Spark was stopped because Jupyter is gone.');
    }
  }

  /** Steps until the cluster is ready, or gone. */
  private async settle(id: string): Promise<void> {
    while (!this.abort.signal.aborted) {
      const { state } = await this.step(id);
      if (state === 'ready' || state === 'stopped' || state === 'failed') return;
      await sleep(STEP_MS);
    }
  }

  /** Without waiting. What fails (the database may be away) is left to the next look at all clusters. */
  private settleSoon(id: string): void {
    this.settle(id).catch((error: unknown) =>
      this.options.log.error({ err: error, cluster: id }, 'a cluster was not brought further')
    );
  }

  /** Looks at one cluster and does the next thing for it. */
  private async step(id: string): Promise<Cluster> {
    return this.turns.take(id, async () => {
      const { rows, launcher, deadlines, log } = this.options;
      const row = await rows.get(id);
      if (!row) throw notFound(`The cluster ${id}`);
      const observed = await launcher.observe(id);
      if (observed) this.observed.set(id, observed);
      else this.observed.delete(id);
      const decision = decide(row, observed, this.busy(id), Date.now(), deadlines);
      const changed = await this.write(row, decision);
      this.publish(changed);
      try {
        if (decision.action === 'start') await this.start(changed);
        if (decision.action === 'stop') await launcher.stop(id);
      } catch (error) {
        log.error({ err: error, cluster: id }, `the step "${decision.action}" failed`);
        if (decision.action === 'start') {
          const reason = `Spark could not be started: ${(error as Error).message}`;
          await rows.wantStopped(id, reason, 'failed');
        }
      }
      await this.keepWatch(changed, observed !== null && decision.action !== 'stop');
      return this.publish(changed);
    });
  }

  private async start(row: ClusterRow): Promise<void> {
    await this.options.launcher.start({
      id: row.id,
      shape: Shape.parse(JSON.parse(row.shape)),
      token: this.options.tokens.forCluster(row.id),
      catalogue: await this.options.catalogue()
    });
  }

  /** Brings the row to what was decided; returns it as it is then. */
  private async write(row: ClusterRow, decision: ReturnType<typeof decide>): Promise<ClusterRow> {
    const { state, desired, reason } = decision;
    const application = this.watches.get(row.id)?.diagnosis.application;
    const busySince = this.busy(row.id) ? { last_used_at: Date.now() } : {};
    const change: Partial<ClusterRow> = {
      ...(state !== row.state && { state }),
      ...(desired !== row.desired && { desired }),
      ...(reason !== row.reason && { reason }),
      ...(state === 'ready' && row.ready_at === null && { ready_at: Date.now() }),
      ...((state === 'stopped' || state === 'failed') &&
        row.stopped_at === null && { stopped_at: Date.now() }),
      ...(application?.id && row.application === null && { application: application.id }),
      ...(application?.sparkVersion &&
        row.spark_version === null && { spark_version: application.sparkVersion }),
      ...busySince
    };
    if (Object.keys(change).length === 0) return row;
    await this.options.rows.update(row.id, change);
    if (change.state) {
      this.options.log.info(
        { cluster: row.id, notebook: row.notebook, reason },
        `cluster ${state}`
      );
    }
    return { ...row, ...change };
  }

  /** Whether a job runs, or the newest cell that used Spark: it may be busy without Spark for hours between two jobs. */
  private busy(id: string): boolean {
    const diagnosis = this.watches.get(id)?.diagnosis;
    if (!diagnosis) return false;
    return (
      diagnosis.runningStages().length > 0 || diagnosis.cellRuns().at(-1)?.outcome === 'running'
    );
  }

  /** A cluster is followed from its start to its end. */
  private async keepWatch(row: ClusterRow, wanted: boolean): Promise<void> {
    const watch = this.watches.get(row.id);
    if (wanted && !watch) this.watches.set(row.id, this.watch(row));
    if (!wanted && watch && row.state !== 'requested' && row.state !== 'starting') {
      await watch.close();
      this.watches.delete(row.id);
      await this.cellRuns.conclude(row.id);
    }
  }

  private watch(row: ClusterRow): ClusterWatch {
    const { journal, findings, launcher, log } = this.options;
    const place = { id: row.id, kernel: row.kernel, notebook: row.notebook };
    const fail = (error: unknown) =>
      log.error({ err: error, cluster: row.id }, 'evidence was not kept');
    return new ClusterWatch(
      launcher,
      place,
      {
        onResources: () => void this.refresh(row.id).catch(fail),
        onCellRun: cellRun => {
          journal.publish({ type: 'cell-run', cellRun });
          findings.saveCellRun(cellRun).catch(fail);
        },
        onFinding: (finding, { id, kernel, notebook }) => {
          const dismissed = journal.finding(id, finding.id)?.dismissed ?? false;
          const placed = { cluster: id, kernel, notebook, dismissed, finding };
          journal.publish({ type: 'finding', finding: placed });
          findings.saveFinding(placed).catch(fail);
        },
        onWithdrawn: id => {
          journal.publish({ type: 'finding-withdrawn', cluster: row.id, id });
          findings.removeFinding(row.id, id).catch(fail);
        }
      },
      fail
    );
  }

  private async refresh(id: string): Promise<void> {
    const row = await this.options.rows.get(id);
    if (row) this.publish(row);
  }

  /** Tells everybody about the cluster if anything of it is new. */
  private publish(row: ClusterRow): Cluster {
    const { journal, deadlines } = this.options;
    const diagnosis = this.watches.get(row.id)?.diagnosis ?? null;
    const before = journal.clusters.get(row.id);
    const observed = this.observed.get(row.id) ?? null;
    const view = clusterView(row, observed, diagnosis, deadlines.idleMs, before?.revision ?? 0);
    if (before && JSON.stringify(before) === JSON.stringify(view)) return before;
    // Grows over restarts of the server too.
    this.lastRevision = Math.max(Date.now(), this.lastRevision + 1);
    const cluster = { ...view, revision: this.lastRevision };
    journal.publish({ type: 'cluster', cluster });
    return cluster;
  }
}
