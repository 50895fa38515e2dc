import type { Diagnosis } from '@aglais/diagnosis';
import type { Logger } from 'pino';
import { ClusterWatch } from '../evidence/cluster-watch.js';
import type { FindingRows } from '../findings/finding-rows.js';
import type { ClusterRow } from '../store/schema.js';
import type { Journal } from '../stream/journal.js';
import type { Launcher } from './launchers/launcher.js';

export interface ClusterWatchesOptions {
  launcher: Launcher;
  findings: FindingRows;
  journal: Journal;
  log: Logger;
}

/** The evidence of all clusters, followed and diagnosed; what it leads to is told and kept. */
export class ClusterWatches {
  private readonly watches = new Map<string, ClusterWatch>();
  /** By cluster: what was told of it and is on its way into the database. */
  private readonly saving = new Map<string, Promise<void>>();

  /** @param refresh called when memory, executors or stages of a cluster changed */
  constructor(
    private readonly options: ClusterWatchesOptions,
    private readonly refresh: (id: string) => Promise<void>
  ) {}

  has(id: string): boolean {
    return this.watches.has(id);
  }

  diagnosis(id: string): Diagnosis | null {
    return this.watches.get(id)?.diagnosis ?? null;
  }

  /** The cluster's notebook has another name now. */
  place({ id, notebook }: ClusterRow): void {
    this.watches.get(id)?.place(notebook);
  }

  /** Lines of evidence that could not be read. */
  unreadableLines(): number {
    const watches = [...this.watches.values()];
    return watches.reduce((sum, { diagnosis }) => sum + diagnosis.problems.count, 0);
  }

  /** Whether a job runs, or the newest cell that used Spark: it may be busy without Spark for hours between two jobs. */
  busy(id: string): boolean {
    const diagnosis = this.diagnosis(id);
    if (!diagnosis) return false;
    return (
      diagnosis.runningStages().length > 0 || diagnosis.cellRuns().at(-1)?.outcome === 'running'
    );
  }

  /** Follows the cluster from now on, until its end. Idempotent. */
  follow(row: ClusterRow): void {
    if (!this.watches.has(row.id)) this.watches.set(row.id, this.watch(row, this.options.launcher));
  }

  /**
   * Nothing more will come: what follows from all of it is told and kept when this resolves, whichever server saw the
   * rest. Idempotent.
   */
  async conclude(row: ClusterRow): Promise<Diagnosis> {
    const { journal, findings, launcher } = this.options;
    const { id } = row;
    let watch = this.watches.get(id);
    if (!watch) {
      watch = this.watch(row, { follow: (_, sink) => launcher.replay(id, sink) });
      await watch.idle();
    }
    await watch.close(true);
    this.watches.delete(id);
    await this.saving.get(id);
    this.saving.delete(id);
    const found = new Set(watch.diagnosis.findings().map(finding => finding.id));
    // Told by a server that was killed before it could take them back.
    for (const { cluster, finding } of [...journal.findings.values()]) {
      if (cluster !== id || found.has(finding.id)) continue;
      journal.publish({ type: 'finding-withdrawn', cluster: id, id: finding.id });
      await findings.removeFinding(id, finding.id);
    }
    return watch.diagnosis;
  }

  /** Leaves all clusters as they are. */
  async close(): Promise<void> {
    await Promise.all([...this.watches.values()].map(watch => watch.close(false)));
    await Promise.all(this.saving.values());
    this.watches.clear();
  }

  private watch(row: ClusterRow, source: Pick<Launcher, 'follow'>): ClusterWatch {
    const { journal, findings, log } = this.options;
    const place = { id: row.id, kernel: row.kernel, notebook: row.notebook };
    const fail = (error: unknown) =>
      log.error({ err: error, cluster: row.id }, 'evidence was not kept');
    const save = (saved: Promise<void>) => {
      const before = this.saving.get(row.id);
      const all = Promise.all([before, saved.catch(fail)]).then(() => undefined);
      this.saving.set(row.id, all);
    };
    return new ClusterWatch(
      source,
      place,
      {
        onResources: () => void this.refresh(row.id).catch(fail),
        onCellRun: cellRun => {
          journal.publish({ type: 'cell-run', cellRun });
          save(findings.saveCellRun(cellRun));
        },
        onFinding: (finding, { id, kernel, notebook }) => {
          const dismissed = journal.finding(id, finding.id)?.dismissed ?? false;
          const placed = { cluster: id, kernel, notebook, dismissed, finding };
          journal.publish({ type: 'finding', finding: placed });
          save(findings.saveFinding(placed));
        },
        onWithdrawn: id => {
          journal.publish({ type: 'finding-withdrawn', cluster: row.id, id });
          save(findings.removeFinding(row.id, id));
        }
      },
      fail
    );
  }
}
