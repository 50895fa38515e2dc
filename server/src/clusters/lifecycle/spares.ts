import { createHash } from 'node:crypto';
import type { Shape } from '@aglais/protocol';
import type { Logger } from 'pino';
import { backOff } from '../../back-off.js';
import { totalMiB } from '../../launchers/capacity.js';
import type { Launcher, SharePath, SpareTarget } from '../../launchers/launcher.js';
import type { ClusterRow } from '../../store/schema.js';
import type { ClusterRows } from '../cluster-rows.js';
import type { JupyterServers } from '../jupyter-servers.js';
import { newClusterRow } from '../new-cluster-row.js';
import { shapeOfRow } from '../row-shape.js';
import { decideSpares, isGoodMoment } from './decide-spares.js';
import type { LeaseHolder } from './lease-holder.js';

/** The lease of the one server that starts and stops spares. */
const SPARES = 'spares';
/** Reading all declarations takes some 50 ms of a core: while nobody asks, it is done this often, ms. */
const CATALOGUE_MS = 60_000;
/** After a spare that failed, the next one is tried after a while, ms. */
const FAILED_BACK_OFF = { firstMs: 60_000, longestMs: 1_800_000 };

export interface SparesParts {
  launcher: Launcher;
  rows: ClusterRows;
  jupyterServers: JupyterServers;
  leaseHolder: LeaseHolder;
  /** Spares that are to be there. */
  targets: readonly SpareTarget[];
  /** Spares are started once a Jupyter Server has reported; else at once. */
  waitForJupyter: boolean;
  /** Spares are started while no cluster is in use, because all compute on the same machine. */
  waitForQuiet: boolean;
  catalogue: () => Promise<string[]>;
  shares: () => Promise<SharePath[]>;
  log: Logger;
  enqueue(id: string): void;
  /** Publishes what the row of a cluster says now. */
  refresh(id: string): Promise<void>;
  isUnplaced(id: string): boolean;
}

/** Clusters that are started before anybody asks, so that the first cell of a notebook need not wait. */
export class Spares {
  private failures = 0;
  private notBefore = 0;
  private missingSince: number | null = null;
  private hash: { value: string; at: number } | null = null;
  private readonly seenFailed = new Set<string>();

  constructor(private readonly parts: SparesParts) {}

  /** Starts and stops spares as they are needed now. */
  async reconcile(): Promise<void> {
    const { launcher, rows, targets, leaseHolder, jupyterServers, log } = this.parts;
    const live = await rows.live();
    if (targets.length === 0 && !live.some(({ spare }) => spare === 1)) return;
    if ((await leaseHolder.claim([SPARES])).length === 0) return;
    await this.countFailures();
    const active = live.filter(({ desired }) => desired === 'running');
    if (active.some(({ spare, state }) => spare === 1 && state === 'ready')) this.failures = 0;
    const capacity = await launcher.capacity();
    const { start, stop, missing } = decideSpares({
      targets,
      clusters: active.map(row => ({
        ...{ id: row.id, spare: row.spare === 1, state: row.state, shape: row.shape },
        ...{ catalogue: row.catalogue, createdAt: row.created_at },
        memoryMiB: totalMiB(shapeOfRow(row), capacity)
      })),
      catalogue: await this.catalogueHash(CATALOGUE_MS),
      capacityMiB: capacity.memoryMiB,
      memoryOf: shape => totalMiB(shape, capacity),
      someoneIsUnplaced: active.some(({ id, spare }) => spare === 0 && this.parts.isUnplaced(id)),
      goodMoment: this.isGoodMoment(active)
    });
    this.missingSince = missing ? (this.missingSince ?? Date.now()) : null;
    for (const { id, reason } of stop) {
      log.info({ cluster: id, reason }, 'a spare is stopped');
      await rows.requestStop(id, reason);
      await this.parts.refresh(id);
      this.parts.enqueue(id);
    }
    if (Date.now() < this.notBefore) return;
    if (this.parts.waitForJupyter && !(await jupyterServers.anyReported())) return;
    for (const shape of start) await this.start(shape);
  }

  /**
   * Of the shares; a spare that was started with others is not handed out.
   * @param maxAgeMs declarations that were read so long ago are good enough
   */
  async catalogueHash(maxAgeMs = 0): Promise<string> {
    if (this.hash && performance.now() - this.hash.at <= maxAgeMs) return this.hash.value;
    const [statements, shares] = await Promise.all([this.parts.catalogue(), this.parts.shares()]);
    const value = createHash('sha256')
      .update(JSON.stringify([statements, shares]))
      .digest('hex');
    this.hash = { value, at: performance.now() };
    return value;
  }

  private isGoodMoment(active: readonly ClusterRow[]): boolean {
    if (!this.parts.waitForQuiet) return true;
    const now = Date.now();
    const lastUsedAt = active.filter(({ spare }) => spare === 0).map(row => row.last_used_at);
    return isGoodMoment(lastUsedAt, this.missingSince ?? now, now);
  }

  private async start(shape: Shape): Promise<void> {
    const { launcher, rows, log } = this.parts;
    const row = newClusterRow(
      { kernel: '', notebook: '', shape, options: [] },
      { launcher: launcher.kind, jupyterServer: null, replaces: null }
    );
    row.kernel = `spare ${row.id}`;
    await rows.insert({ ...row, spare: 1, catalogue: await this.catalogueHash() });
    log.info({ cluster: row.id }, 'a spare is started');
    await this.parts.refresh(row.id);
    this.parts.enqueue(row.id);
  }

  /** A spare that cannot start would be started again and again. */
  private async countFailures(): Promise<void> {
    const failed = await this.parts.rows.failedSpares();
    const unseen = failed.filter(id => !this.seenFailed.has(id));
    for (const id of this.seenFailed) if (!failed.includes(id)) this.seenFailed.delete(id);
    for (const id of unseen) this.seenFailed.add(id);
    if (unseen.length === 0) return;
    this.failures += 1;
    this.notBefore = Date.now() + backOff(this.failures, Math.random(), FAILED_BACK_OFF);
    this.parts.log.warn(
      { clusters: unseen, failures: this.failures },
      'a spare failed; the next one is started later'
    );
  }
}
