import type { Observation } from '@aglais/diagnosis';
import type { KernelDeath, KernelReport } from '@aglais/protocol';
import type { Launcher } from '../launchers/launcher.js';
import type { ClusterRow } from '../store/schema.js';
import type { CellRuns } from './cell-runs.js';
import type { ClusterRows } from './cluster-rows.js';
import type { JupyterServers } from './jupyter-servers.js';
import type { ClusterReconciler } from './lifecycle/cluster-reconciler.js';

export interface KernelReportsParts {
  launcher: Launcher;
  rows: ClusterRows;
  jupyterServers: JupyterServers;
  reconciler: ClusterReconciler;
  cellRuns: CellRuns;
  /** Requests the stop of a cluster. */
  stop: (id: string, reason: string) => Promise<unknown>;
}

/** Reports of Jupyter Servers about their kernels, and the effects on clusters of kernels that ended. */
export class KernelReports {
  constructor(private readonly parts: KernelReportsParts) {}

  /** A kernel exited unexpectedly: its cell ended, and its cluster's evidence says why. */
  async kernelDied(death: KernelDeath): Promise<void> {
    const { rows, cellRuns, reconciler } = this.parts;
    const row = await rows.desiredOfKernel(death.kernel);
    if (row) await cellRuns.kernelDied(row.id, death, await reconciler.isFollowed(row.id));
  }

  /**
   * The kernels of a Jupyter Server; clusters of kernels that it no longer has are stopped.
   * @param whatKilled called if kernels are gone: what may have ended all of them at once, and when
   */
  async report(
    jupyterServer: string,
    report: KernelReport,
    whatKilled: () => Promise<{ at: number; pod: Observation } | null>
  ): Promise<void> {
    const { rows, launcher, jupyterServers, reconciler, stop } = this.parts;
    const kernels = report.kernels.map(kernel => kernel.id);
    await jupyterServers.heard(jupyterServer, kernels);
    for (const kernel of report.kernels) {
      const row = await rows.placeKernel(kernel.id, jupyterServer, kernel.notebook);
      if (row) reconciler.place(row);
    }
    const gone = await rows.abandoned(jupyterServer, kernels);
    const killed = gone.length > 0 ? await whatKilled() : null;
    await Promise.all(
      gone.map(async row => {
        // A newer cluster ended for another reason.
        if (killed && row.created_at < killed.at) await launcher.record(row.id, killed.pod);
        await stop(row.id, 'Spark was stopped because the kernel of its notebook ended.');
      })
    );
  }

  /** A Jupyter Server that crashed cannot report that its kernels are gone. */
  async stopAbandoned(unfinished: readonly ClusterRow[]): Promise<void> {
    const { jupyterServers, rows } = this.parts;
    const servers = unfinished.flatMap(row =>
      row.jupyter_server === null || row.desired === 'stopped' ? [] : [row.jupyter_server]
    );
    const silent = await jupyterServers.silent([...new Set(servers)]);
    for (const row of unfinished) {
      if (row.jupyter_server === null || !silent.has(row.jupyter_server)) continue;
      await rows.requestStop(row.id, 'Spark was stopped because Jupyter is gone.');
    }
  }
}
