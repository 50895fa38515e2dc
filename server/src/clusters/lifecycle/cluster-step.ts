import { Shape, type Cluster } from '@aglais/protocol';
import type { Logger } from 'pino';
import type { ClusterWatches } from '../../evidence/cluster-watches.js';
import type { Tokens } from '../../identity/tokens.js';
import type { Launcher, SharePath } from '../../launchers/launcher.js';
import { TransientLauncherError } from '../../launchers/launcher.js';
import type { ClusterRow } from '../../store/schema.js';
import type { CellRuns } from '../cell-runs.js';
import type { ClusterRows } from '../cluster-rows.js';
import type { ClusterViews } from '../cluster-views.js';
import { decide, type Deadlines, type Decision } from './decide.js';
import { usedIntervalMs } from './idle-policy.js';
import type { LeaseHolder } from './lease-holder.js';
import type { RemoteClusters } from './remote-clusters.js';

export interface ClusterStepParts {
  launcher: Launcher;
  rows: ClusterRows;
  tokens: Tokens;
  /** Statements that register the tables of the shares, as currently declared. */
  catalogue: () => Promise<string[]>;
  /** Paths of the data of the available shares. */
  shares: () => Promise<SharePath[]>;
  deadlines: Deadlines;
  log: Logger;
  watches: ClusterWatches;
  views: ClusterViews;
  cellRuns: CellRuns;
  leaseHolder: LeaseHolder;
  remoteClusters: RemoteClusters | null;
  /** A cluster has ended. */
  onEnded: () => void;
}

/** The result of one step. */
export interface StepResult {
  cluster: Cluster | null;
  /** Whether the next step is due immediately. */
  acted: boolean;
  /** Whether this server holds the lease of the cluster. */
  isOwn: boolean;
}

/**
 * One reconciliation step of one cluster: compares desired and observed state, takes the next action, and saves the
 * result. A step may be interrupted at any point; the next one resumes from what it observes.
 */
export class ClusterStep {
  private readonly usedMs: number;

  constructor(private readonly parts: ClusterStepParts) {
    this.usedMs = usedIntervalMs(parts.deadlines.idleMs);
  }

  async run(id: string): Promise<StepResult> {
    const { rows, launcher, deadlines, watches, views, leaseHolder } = this.parts;
    const row = await rows.get(id);
    if (!row) return { cluster: null, acted: false, isOwn: false };
    if (!leaseHolder.hasValidLease(id)) return this.result(views.publish(row), false);
    if (await this.waitsForPredecessor(row)) return this.result(views.publish(row), false, true);
    const observed = await launcher.observe(id);
    views.recordObserved(id, observed);
    const decision = decide(row, observed, this.isInUse(row), Date.now(), deadlines);
    const over = observed === null && decision.action === 'none' && isFinal(decision.state);
    // Saved last: a server that is killed in between draws the same conclusions again.
    if (over && row.stopped_at === null) await this.conclude(row);
    if (decision.state === 'ready' && row.state !== 'ready') await views.publishAddress(row);
    const changed = await this.save(row, decision, over);
    // Another server has the lease now: this decision is no longer valid.
    if (!changed || !leaseHolder.hasValidLease(id)) return this.result(views.publish(row), false);
    views.reconciled(changed);
    await this.act(changed, decision);
    if (observed && decision.action !== 'stop' && leaseHolder.holdsLease(id))
      watches.follow(changed);
    if (over) await leaseHolder.release(id);
    return this.result(views.reconciled(changed), decision.action !== 'none', !over);
  }

  /** A spare waits for its user as long as it takes. */
  private isInUse(row: ClusterRow): boolean {
    return row.spare === 1 || this.parts.watches.busy(row.id);
  }

  private result(cluster: Cluster, acted: boolean, isOwn = false): StepResult {
    return { cluster, acted, isOwn };
  }

  /** For a restart: whether the previous cluster still exists. */
  private async waitsForPredecessor(row: ClusterRow): Promise<boolean> {
    const { rows, deadlines } = this.parts;
    if (row.replaces === null || row.desired === 'stopped') return false;
    const before = await rows.get(row.replaces);
    const now = Date.now();
    if (!before || before.stopped_at !== null) {
      // Its start time begins now.
      const change = { replaces: null, created_at: now };
      Object.assign(row, change);
      return !(await rows.updateIfHolder(row.id, change));
    }
    if (now - row.created_at > deadlines.startMs) {
      const reason = 'Spark was not started again because the one before it could not be removed.';
      await rows.updateIfHolder(row.id, { desired: 'stopped', state: 'failed', reason });
    }
    return true;
  }

  /** @throws errors after which the queue retries */
  private async act(row: ClusterRow, { action }: Decision): Promise<void> {
    if (action === 'stop') return this.parts.launcher.stop(row.id);
    if (action !== 'start') return;
    try {
      await this.start(row);
    } catch (error) {
      if (error instanceof TransientLauncherError) throw error;
      this.parts.log.error({ err: error, cluster: row.id }, 'a cluster could not be started');
      const reason = `Spark could not be started: ${(error as Error).message}`;
      const change = { desired: 'stopped', state: 'failed', reason } as const;
      if (await this.parts.rows.updateIfHolder(row.id, change)) Object.assign(row, change);
    }
  }

  private async start(row: ClusterRow): Promise<void> {
    const { launcher, tokens, catalogue, shares } = this.parts;
    await launcher.start({
      id: row.id,
      shape: Shape.parse(JSON.parse(row.shape)),
      options: JSON.parse(row.options) as string[],
      token: tokens.forCluster(row.id),
      catalogue: await catalogue(),
      shares: await shares(),
      warmUp: row.spare === 1
    });
  }

  /** Updates the row; returns the updated row, or null if another server has the lease. */
  private async save(
    row: ClusterRow,
    { state, desired, reason }: Decision,
    over: boolean
  ): Promise<ClusterRow | null> {
    const { rows, watches, log, onEnded } = this.parts;
    const application = watches.diagnosis(row.id)?.application;
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
    if (watches.busy(row.id) && Date.now() - row.last_used_at > this.usedMs) {
      await rows.used(row.id);
      row.last_used_at = Date.now();
    }
    if (Object.keys(change).length === 0) return row;
    if (!(await rows.updateIfHolder(row.id, change))) return null;
    if (change.stopped_at) onEnded();
    if (change.state)
      log.info({ cluster: row.id, notebook: row.notebook, reason }, `cluster ${state}`);
    return { ...row, ...change };
  }

  /** Publishes and saves the conclusions from all evidence of an ended cluster, together with its row. */
  private async conclude(row: ClusterRow): Promise<void> {
    const { remoteClusters, watches, rows, cellRuns } = this.parts;
    const published = (await remoteClusters?.eventLines(row.id)) ?? 0;
    const { application, eventLines } = await watches.conclude(row, published);
    await remoteClusters?.concluded(row.id, eventLines);
    if (row.application === null && application.id) {
      const change = { application: application.id, spark_version: application.sparkVersion };
      await rows.updateIfHolder(row.id, change);
      Object.assign(row, change);
    }
    await cellRuns.conclude(row.id);
  }
}

/** Whether a cluster in this state has ended. */
export function isFinal(state: string): boolean {
  return state === 'stopped' || state === 'failed';
}
