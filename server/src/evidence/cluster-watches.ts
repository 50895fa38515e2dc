import { setTimeout as sleep } from 'node:timers/promises';
import type { Diagnosis } from '@aglais/diagnosis';
import type { Logger } from 'pino';
import { ClusterWatch } from './cluster-watch.js';
import type { FindingRows } from '../findings/finding-rows.js';
import type { ClusterRow } from '../store/schema.js';
import type { Journal } from '../stream/journal.js';
import type { Launcher } from '../launchers/launcher.js';

export interface ClusterWatchesOptions {
  launcher: Launcher;
  findings: FindingRows;
  journal: Journal;
  log: Logger;
}

/** What could not be saved is tried again after this: a database that is restarted must not cost a finding, ms. */
const SAVE_AGAIN_MS = 1_000;

/** The evidence of all clusters, followed and diagnosed; what it leads to is told and kept. */
export class ClusterWatches {
  private readonly watches = new Map<string, ClusterWatch>();
  /** By cluster: what was told of it and is on its way into the database. */
  private readonly saving = new Map<string, Promise<void>>();
  private readonly abort = new AbortController();

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

  /** Lines of the cluster's event log that were read. */
  eventLines(id: string): number {
    return this.watches.get(id)?.eventLines ?? 0;
  }

  /** All that are followed now. */
  ids(): string[] {
    return [...this.watches.keys()];
  }

  /** Another server follows it from now on. */
  async leave(id: string): Promise<void> {
    const watch = this.watches.get(id);
    this.watches.delete(id);
    await watch?.leave();
    await this.saving.get(id);
    this.saving.delete(id);
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
   * @param told lines of the event log on which rests what another server told: who has fewer takes nothing of it back
   */
  async conclude(
    row: ClusterRow,
    told = 0
  ): Promise<{ application: Diagnosis['application']; eventLines: number }> {
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
    const { diagnosis, eventLines } = watch;
    const concluded = { application: diagnosis.application, eventLines };
    if (eventLines < told) return concluded;
    const found = new Set(diagnosis.findings().map(finding => finding.id));
    // Told by a server that was killed before it could take them back.
    for (const { cluster, finding } of [...journal.findings.values()]) {
      if (cluster !== id || found.has(finding.id)) continue;
      journal.publish({ type: 'finding-withdrawn', cluster: id, id: finding.id });
      await findings.removeFinding(id, finding.id);
    }
    return concluded;
  }

  /** Leaves all clusters as they are. */
  async close(): Promise<void> {
    await Promise.all([...this.watches.values()].map(watch => watch.close(false)));
    this.abort.abort();
    await Promise.all(this.saving.values());
    this.watches.clear();
  }

  /** A server that ends tries once: the next one concludes the same again. */
  private async save(work: () => Promise<void>, fail: (error: unknown) => void): Promise<void> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        fail(error);
        if (this.abort.signal.aborted) return;
        await sleep(SAVE_AGAIN_MS, undefined, { signal: this.abort.signal }).catch(() => undefined);
      }
    }
  }

  private watch(row: ClusterRow, source: Pick<Launcher, 'follow'>): ClusterWatch {
    const { journal, findings, log } = this.options;
    const place = { id: row.id, kernel: row.kernel, notebook: row.notebook };
    const fail = (error: unknown) =>
      log.error({ err: error, cluster: row.id }, 'evidence was not kept');
    // In the order in which it was told.
    const save = (work: () => Promise<void>) => {
      const before = this.saving.get(row.id) ?? Promise.resolve();
      this.saving.set(
        row.id,
        before.then(() => this.save(work, fail))
      );
    };
    return new ClusterWatch(
      source,
      place,
      {
        onResources: () => void this.refresh(row.id).catch(fail),
        onCellRun: cellRun => {
          journal.publish({ type: 'cell-run', cellRun });
          save(() => findings.saveCellRun(cellRun));
        },
        onFinding: (finding, { id, kernel, notebook }) => {
          const dismissed = journal.finding(id, finding.id)?.dismissed ?? false;
          const placed = { cluster: id, kernel, notebook, dismissed, finding };
          journal.publish({ type: 'finding', finding: placed });
          save(() => findings.saveFinding(placed));
        },
        onWithdrawn: id => {
          journal.publish({ type: 'finding-withdrawn', cluster: row.id, id });
          save(() => findings.removeFinding(row.id, id));
        }
      },
      fail
    );
  }
}
