import type { CellRun, CellRunReport, KernelDeath } from '@aglais/protocol';
import type { FindingRows } from '../findings/finding-rows.js';
import type { Journal } from '../stream/journal.js';
import type { Launcher } from '../launchers/launcher.js';

/**
 * The states of cells that kernels report. They are evidence; when a cluster is not followed any more, they are
 * published directly.
 */
export class CellRuns {
  constructor(
    private readonly launcher: Launcher,
    private readonly journal: Journal,
    private readonly rows: FindingRows
  ) {}

  /** @param followed whether the cluster's evidence is still being read */
  async report(cluster: string, report: CellRunReport, followed: boolean): Promise<void> {
    const known = this.find(cluster, report.cell, report.run);
    // A report may arrive twice, and the first one late: an end is final.
    if (report.outcome === 'running' && known && known.outcome !== 'running') return;
    const { error, ...rest } = report;
    await this.launcher.record(cluster, { kind: 'cell', ...rest, ...(error && { error }) });
    if (followed || !known) return;
    await this.show({
      ...known,
      outcome: report.outcome,
      endedAt: report.at,
      error: error ?? known.error
    });
  }

  /** The kernel of a cluster exited unexpectedly and cannot report the end of its running cell. */
  async kernelDied(cluster: string, death: KernelDeath, followed: boolean): Promise<void> {
    const { at, exitCode, memory } = death;
    const running = [...this.journal.cellRuns.values()]
      .filter(run => run.cluster === cluster && run.outcome === 'running')
      .sort((a, b) => b.startedAt - a.startedAt);
    await this.launcher.record(cluster, {
      kind: 'kernel-died',
      at,
      exitCode,
      cell: running[0]?.cell ?? null,
      run: running[0]?.run ?? null,
      killed: memory?.oomKills ?? 0,
      limitMiB: memory?.limitMiB ?? null,
      quote: memory?.quote ?? '',
      ref: memory?.ref ?? ''
    });
    const error = { name: 'DeadKernelError', message: 'The kernel died while this cell ran.' };
    for (const { cell, run } of running) {
      await this.report(cluster, { cell, run, outcome: 'error', at, error }, followed);
    }
  }

  /** A cluster has ended: running cells were interrupted. A kernel that is alive may report more. */
  async conclude(cluster: string): Promise<void> {
    for (const run of this.journal.cellRuns.values()) {
      if (run.cluster !== cluster || run.outcome !== 'running') continue;
      await this.show({ ...run, outcome: 'cancelled', endedAt: Date.now() });
    }
  }

  /** The highest run number that the kernel has reported; 0 if none. */
  newestOf(kernel: string): number {
    const runs = [...this.journal.cellRuns.values()].filter(run => run.kernel === kernel);
    return Math.max(0, ...runs.map(({ run }) => run));
  }

  private async show(cellRun: CellRun): Promise<void> {
    // Its cluster may have been forgotten meanwhile, and would not be a second time.
    if (!this.journal.clusters.has(cellRun.cluster)) return;
    this.journal.publish({ type: 'cell-run', cellRun });
    await this.rows.saveLateCellRun(cellRun);
  }

  private find(cluster: string, cell: string, run: number): CellRun | undefined {
    return [...this.journal.cellRuns.values()].find(
      known => known.cluster === cluster && known.cell === cell && known.run === run
    );
  }
}
