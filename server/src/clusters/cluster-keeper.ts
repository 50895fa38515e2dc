import { setTimeout as sleep } from 'node:timers/promises';
import { Shape, type Cluster } from '@aglais/protocol';
import type { Logger } from 'pino';
import type { FindingRows } from '../findings/finding-rows.js';
import type { Tokens } from '../identity/tokens.js';
import { notFound } from '../problems.js';
import type { ClusterRow } from '../store/schema.js';
import type { Journal } from '../stream/journal.js';
import type { CellRuns } from './cell-runs.js';
import type { ClusterRows } from './cluster-rows.js';
import { clusterView } from './cluster-view.js';
import { ClusterWatches } from './cluster-watches.js';
import { decide, type Deadlines } from './decide.js';
import type { Launcher, ObservedCluster, SharePath } from './launchers/launcher.js';
import { Turns } from './turns.js';

/** All clusters are looked at this often; a cluster that starts or stops, at each STEP_MS. */
const TICK_MS = 1_000;
const STEP_MS = 40;

export interface KeeperOptions {
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
}

/**
 * Brings the world to what the database wants, follows what happens there, and tells it.
 * Every step may be interrupted at any line; the next start goes on from what it finds.
 */
export class ClusterKeeper {
  private readonly watches: ClusterWatches;
  private readonly observed = new Map<string, ObservedCluster>();
  /** One step at a time for each cluster. */
  private readonly turns = new Turns();
  private readonly abort = new AbortController();
  private ticking: Promise<void> = Promise.resolve();
  private lastRevision = 0;
  /** A cluster ended since the oldest were forgotten; an earlier server may have left some too. */
  private oneEnded = true;

  /** @param beforeLook may want clusters stopped before all are looked at */
  constructor(
    private readonly options: KeeperOptions,
    private readonly cellRuns: CellRuns,
    private readonly beforeLook: (unfinished: readonly ClusterRow[]) => Promise<void>
  ) {
    this.watches = new ClusterWatches(options, id => this.refresh(id));
  }

  /** Whether the cluster's evidence is being read. */
  follows(id: string): boolean {
    return this.watches.has(id);
  }

  /** Where the driver listens, once it does, and what makes it known. */
  reach(id: string): { url: string; ca: string | null } | null {
    const observed = this.observed.get(id);
    return observed?.url ? { url: observed.url, ca: observed.ca } : null;
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
    const recent = (await rows.recent()).reverse();
    const ids = recent.map(row => row.id);
    for (const row of recent) this.publish(row);
    for (const cellRun of await findings.cellRunsOf(ids))
      journal.publish({ type: 'cell-run', cellRun });
    for (const finding of await findings.findingsOf(ids))
      journal.publish({ type: 'finding', finding });
    await this.tick();
    const ready = (await rows.live()).filter(({ state }) => state === 'ready');
    await Promise.all(ready.map(row => this.resize(row)));
    this.ticking = this.tickForever();
  }

  /** Leaves the clusters as they are; a later server adopts them. */
  async close(): Promise<void> {
    this.abort.abort();
    await this.ticking;
    await this.turns.idle();
    await this.watches.close();
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
      await this.beforeLook(unfinished);
      const known = new Set(unfinished.map(row => row.id));
      for (const { id } of await this.options.launcher.list()) {
        if (known.has(id) || this.watches.has(id)) continue;
        if (await this.options.rows.get(id)) known.add(id);
        else {
          this.options.log.warn({ cluster: id }, 'a cluster that nobody asked for is removed');
          await this.options.launcher.stop(id);
        }
      }
      await Promise.all([...known].map(id => this.step(id)));
      if (this.oneEnded) await this.forgetOld();
    } catch (error) {
      this.options.log.error(
        { err: error },
        'looking after the clusters failed; it is tried again'
      );
    }
  }

  private async forgetOld(): Promise<void> {
    const { rows, launcher, journal } = this.options;
    for (const id of await rows.forgetOld()) {
      journal.forget(id);
      await launcher.forget(id);
    }
    this.oneEnded = false;
  }

  /** Steps until the cluster is ready, or gone. */
  async settle(id: string): Promise<void> {
    while (!this.abort.signal.aborted) {
      const { state } = await this.step(id);
      if (state === 'ready' || state === 'stopped' || state === 'failed') return;
      await sleep(STEP_MS);
    }
  }

  /** Without waiting. What fails (the database may be away) is left to the next look at all clusters. */
  settleSoon(id: string): void {
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
      const decision = decide(row, observed, this.watches.busy(id), Date.now(), deadlines);
      const over = observed === null && decision.action === 'none' && hasEnded(decision.state);
      // Before it is written down: a server that is killed in between does it again.
      if (over && row.stopped_at === null) await this.conclude(row);
      const changed = await this.write(row, decision, over);
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
      if (observed && decision.action !== 'stop') this.watches.follow(changed);
      return this.publish(changed);
    });
  }

  /** An earlier server may have been killed between writing a new size down and bringing it about. */
  private async resize({ id, shape }: ClusterRow): Promise<void> {
    const { launcher, log } = this.options;
    await launcher.resize(id, Shape.parse(JSON.parse(shape))).catch((error: unknown) => {
      log.error({ err: error, cluster: id }, 'a cluster does not have the size that it should');
    });
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

  /** Brings the row to what was decided; returns it as it is then. */
  private async write(
    row: ClusterRow,
    decision: ReturnType<typeof decide>,
    over: boolean
  ): Promise<ClusterRow> {
    const { state, desired, reason } = decision;
    const application = this.watches.diagnosis(row.id)?.application;
    const busySince = this.watches.busy(row.id) ? { last_used_at: Date.now() } : {};
    const change: Partial<ClusterRow> = {
      ...(state !== row.state && { state }),
      ...(desired !== row.desired && { desired }),
      ...(reason !== row.reason && { reason }),
      ...(state === 'ready' && row.ready_at === null && { ready_at: Date.now() }),
      ...(over && row.stopped_at === null && { stopped_at: Date.now() }),
      ...(application?.id && row.application === null && { application: application.id }),
      ...(application?.sparkVersion &&
        row.spark_version === null && { spark_version: application.sparkVersion }),
      ...busySince
    };
    if (Object.keys(change).length === 0) return row;
    await this.options.rows.update(row.id, change);
    if (change.stopped_at) this.oneEnded = true;
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
    const { application } = await this.watches.conclude(row);
    if (row.application === null && application.id) {
      const change = { application: application.id, spark_version: application.sparkVersion };
      await this.options.rows.update(row.id, change);
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
    const { journal, deadlines } = this.options;
    const diagnosis = this.watches.diagnosis(row.id);
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

function hasEnded(state: string): boolean {
  return state === 'stopped' || state === 'failed';
}
