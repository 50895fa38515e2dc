import {
  Shape,
  type CapacityReport,
  type ClusterRequest,
  type RestartRequest
} from '@aglais/protocol';
import { Mutex } from 'async-mutex';
import type { Capacity } from '../../launchers/capacity.js';
import type { Launcher } from '../../launchers/launcher.js';
import { ProblemError } from '../../problems.js';
import type { ClusterRow } from '../../store/schema.js';
import type { ClusterRows } from '../cluster-rows.js';
import type { JupyterServers } from '../jupyter-servers.js';
import { newClusterRow } from '../new-cluster-row.js';
import { canonicalShape } from '../row-shape.js';
import { admit, holdersOf, largestShape, sparesMiB, sparesToStop } from './admit.js';
import { capacityWith, chooseOptions } from './options.js';

export interface ClusterAdmissionParts {
  launcher: Launcher;
  rows: ClusterRows;
  jupyterServers: JupyterServers;
  defaultShape: Shape;
  /** Hash of the shares as they are now: only spares that were started with them are handed out. */
  catalogueHash(): Promise<string>;
}

/** Decides who gets a cluster, and saves its desired state; the reconciler starts it. */
export class ClusterAdmission {
  /** Memory is granted to one request at a time. */
  private readonly mutex = new Mutex();
  private isEnding = false;

  constructor(private readonly parts: ClusterAdmissionParts) {}

  /** Resolves when no request is being processed. */
  async drain(): Promise<void> {
    await this.mutex.runExclusive(() => undefined);
  }

  /** Admits nothing from now on; resolves when the current requests are processed. */
  async end(): Promise<void> {
    this.isEnding = true;
    await this.drain();
  }

  /** The kernel's cluster: the existing one, or a new one. Throws a problem if there is no capacity. */
  async request(request: ClusterRequest): Promise<{ row: ClusterRow; created: boolean }> {
    const { rows, launcher, defaultShape, jupyterServers } = this.parts;
    this.refuseAtTheEnd();
    const present = await rows.desiredOfKernel(request.kernel);
    if (present) return { row: present, created: false };
    // A kernel that was granted another shape keeps it when Spark starts again by itself.
    const shape = request.shape ?? (await rows.lastShape(request.kernel)) ?? defaultShape;
    const before = await rows.lastOptions(request.kernel);
    const options = chooseOptions(request.options, before, launcher.offers());
    const capacity = await capacityWith(options, launcher);
    const server = await jupyterServers.jupyterServerOf(request.kernel);
    const row = this.newRow({ ...request, shape, options }, server, null);
    const catalogue = (await rows.hasSpares()) ? await this.parts.catalogueHash() : null;
    return this.mutex.runExclusive(async () => {
      this.refuseAtTheEnd();
      return rows.transaction(async bound => {
        const other = await bound.desiredOfKernel(request.kernel);
        if (other) return { row: other, created: false };
        const live = await bound.live();
        admit(shape, capacity, holdersOf(live, capacity), defaultShape);
        const owner = { ...request, jupyterServer: server };
        const wanted = { shape: row.shape, options: row.options };
        const spare = catalogue && (await bound.adoptSpare(owner, { ...wanted, catalogue }));
        if (spare) return { row: spare, created: true };
        const replaces = await this.makeRoom(bound, live, shape, capacity);
        await bound.insert({ ...row, replaces });
        return { row, created: true };
      });
    });
  }

  /**
   * A new cluster for the kernel of `old`, which is stopped. Throws a problem if there is no capacity; then `old` keeps
   * running.
   */
  async restart(
    old: { id: string; kernel: string; notebook: string; shape: Shape; options: string[] },
    { shape = old.shape, options: asked }: RestartRequest
  ): Promise<ClusterRow> {
    const { rows, launcher, defaultShape, jupyterServers } = this.parts;
    this.refuseAtTheEnd();
    const options = chooseOptions(asked, old.options, launcher.offers());
    const capacity = await capacityWith(options, launcher);
    const server = await jupyterServers.jupyterServerOf(old.kernel);
    // In one transaction: a kernel that requests its cluster meanwhile gets the new one, and a server that is killed
    // loses none.
    return this.mutex.runExclusive(async () => {
      this.refuseAtTheEnd();
      return rows.transaction(async bound => {
        const holders = holdersOf(await bound.live(), capacity);
        const others = holders.filter(({ cluster }) => cluster !== old.id);
        // Refused before anything is stopped: an invalid size must not end a running cluster.
        admit(shape, capacity, others, defaultShape);
        await bound.requestStop(old.id, 'Spark was restarted by you.');
        const other = await bound.desiredOfKernel(old.kernel);
        if (other) return other;
        const row = this.newRow({ ...old, shape, options }, server, old.id);
        await bound.insert(row);
        return row;
      });
    });
  }

  /** The capacity for clusters, and who uses it. */
  async capacity(): Promise<CapacityReport> {
    const { launcher, defaultShape, rows } = this.parts;
    const capacity: Capacity = await launcher.capacity();
    const live = await rows.live();
    const holders = holdersOf(live, capacity);
    return {
      totalMiB: capacity.memoryMiB,
      grantedMiB: holders.reduce((sum, holder) => sum + holder.grantedMiB, 0),
      spareMiB: sparesMiB(live, capacity),
      holders,
      defaultShape,
      largestShape: largestShape(capacity, defaultShape),
      options: [...launcher.offers()],
      problems: [...(capacity.problems ?? [])]
    };
  }

  /**
   * Stops as many spares as hold memory that a new cluster needs.
   * @returns the one that has to be gone before the new cluster starts, or null
   */
  private async makeRoom(
    rows: ClusterRows,
    live: readonly ClusterRow[],
    shape: Shape,
    capacity: Capacity
  ): Promise<string | null> {
    const stopped = sparesToStop(live, shape, capacity);
    for (const { id } of stopped)
      await rows.requestStop(id, 'This spare made room for clusters in use.');
    return stopped.at(-1)?.id ?? null;
  }

  private refuseAtTheEnd(): void {
    if (!this.isEnding) return;
    throw new ProblemError(
      503,
      'ending',
      'Aglais is shutting down; no Spark was started. Start Aglais again, then run the cell again.'
    );
  }

  private newRow(
    wanted: { kernel: string; notebook: string; shape: Shape; options: readonly string[] },
    jupyterServer: string | null,
    replaces: string | null
  ): ClusterRow {
    const { kind: launcher } = this.parts.launcher;
    const shape = canonicalShape(wanted.shape);
    return newClusterRow({ ...wanted, shape }, { launcher, jupyterServer, replaces });
  }
}
