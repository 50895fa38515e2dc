import type { Diagnosis } from '@aglais/diagnosis';
import type { Logger } from 'pino';
import type { FindingRows } from '../findings/finding-rows.js';
import type { ClusterRow } from '../store/schema.js';
import type { Journal } from '../stream/journal.js';
import { ClusterWatch, type EvidenceSource } from './cluster-watch.js';
import type { EvidenceSink } from './evidence-sink.js';
import { SaveQueue } from './save-queue.js';

/** How long the end of a cluster waits for the database; then it is retried later, ms. */
const DRAIN_MS = 5_000;

export interface ClusterWatchesOptions {
  source: EvidenceSource & {
    /** The stored evidence of an ended cluster. */
    replay(id: string, sink: EvidenceSink): Promise<void>;
  };
  findings: FindingRows;
  journal: Journal;
  log: Logger;
  /** Memory, executors or stages of a cluster have changed. */
  onResources: (id: string) => void;
  /** Evidence of a cluster cannot be read, or its findings cannot be saved, for people; null: the problem is over. */
  onProblem: (id: string, source: 'evidence' | 'findings', problem: string | null) => void;
}

interface Watched {
  watch: ClusterWatch;
  saves: SaveQueue;
}

/** Follows and diagnoses the evidence of all clusters; publishes and saves the results. */
export class ClusterWatches {
  private readonly watched = new Map<string, Watched>();

  constructor(private readonly options: ClusterWatchesOptions) {}

  has(id: string): boolean {
    return this.watched.has(id);
  }

  diagnosis(id: string): Diagnosis | null {
    return this.watched.get(id)?.watch.diagnosis ?? null;
  }

  /** Number of lines read from the cluster's event log. */
  eventLines(id: string): number {
    return this.watched.get(id)?.watch.eventLines ?? 0;
  }

  /** All followed clusters. */
  ids(): string[] {
    return [...this.watched.keys()];
  }

  /** The cluster's notebook was renamed, or a spare was assigned to a kernel. */
  place({ id, kernel, notebook }: ClusterRow): void {
    this.watched.get(id)?.watch.place(kernel, notebook);
  }

  /** Number of lines of evidence that could not be read. */
  unreadableLines(): number {
    const all = [...this.watched.values()];
    return all.reduce((sum, { watch }) => sum + watch.diagnosis.problems.count, 0);
  }

  /** Number of findings and cell runs that wait to be saved. */
  unsaved(): number {
    return [...this.watched.values()].reduce((sum, { saves }) => sum + saves.size, 0);
  }

  /**
   * Whether a job is running, or the latest cell that used Spark: it may work without Spark for hours between two jobs.
   */
  busy(id: string): boolean {
    const diagnosis = this.diagnosis(id);
    if (!diagnosis) return false;
    return (
      diagnosis.runningStages().length > 0 || diagnosis.cellRuns().at(-1)?.outcome === 'running'
    );
  }

  /** Follows the cluster from now on, until its end. Idempotent. */
  follow(row: ClusterRow): void {
    if (!this.watched.has(row.id)) this.open(row, this.options.source);
  }

  /** Another server follows it from now on. */
  async leave(id: string): Promise<void> {
    const watched = this.watched.get(id);
    this.watched.delete(id);
    await watched?.watch.leave();
    await watched?.saves.close();
  }

  /**
   * The evidence is complete: when this resolves, its results are published and saved, whichever server read the rest.
   * Idempotent.
   * @param published number of event log lines on which another server's published results are based: a server that
   * read fewer lines withdraws nothing
   * @throws if the database does not respond; the cluster stays followed, and the caller has to retry
   */
  async conclude(
    row: ClusterRow,
    published = 0
  ): Promise<{ application: Diagnosis['application']; eventLines: number }> {
    const { journal, source } = this.options;
    const { id } = row;
    let watched = this.watched.get(id);
    if (!watched) {
      watched = this.open(row, { follow: (_, sink) => source.replay(id, sink) });
      await watched.watch.idle();
    }
    const { watch, saves } = watched;
    await watch.conclude();
    const { diagnosis, eventLines } = watch;
    if (eventLines >= published) {
      const found = new Set(diagnosis.findings().map(finding => finding.id));
      // Published by a server that was killed before it could withdraw them.
      for (const { cluster, finding } of [...journal.findings.values()])
        if (cluster === id && !found.has(finding.id)) this.withdraw(saves, id, finding.id);
    }
    if (!(await saves.drain(DRAIN_MS)))
      throw new Error('the findings of the cluster are not saved yet');
    this.watched.delete(id);
    return { application: diagnosis.application, eventLines };
  }

  /** Stops following all clusters. */
  async close(): Promise<void> {
    await Promise.all(
      [...this.watched.values()].map(async ({ watch, saves }) => {
        await watch.close();
        await saves.close();
      })
    );
    this.watched.clear();
  }

  private withdraw(saves: SaveQueue, cluster: string, id: string): void {
    const { journal, findings } = this.options;
    journal.publish({ type: 'finding-withdrawn', cluster, id });
    saves.add(`finding ${id}`, () => findings.removeFinding(cluster, id));
  }

  private open(row: ClusterRow, source: EvidenceSource): Watched {
    const { journal, findings, log, onResources, onProblem } = this.options;
    const { id: cluster } = row;
    const saves = new SaveQueue({
      onError: error => log.error({ err: error, cluster }, 'a finding or cell run was not saved'),
      onProblem: problem => onProblem(cluster, 'findings', problem)
    });
    const place = { id: cluster, kernel: row.kernel, notebook: row.notebook };
    const watch = new ClusterWatch(source, place, {
      onResources: () => onResources(cluster),
      onCellRun: cellRun => {
        journal.publish({ type: 'cell-run', cellRun });
        saves.add(`cell-run ${cellRun.cell} ${cellRun.run}`, () => findings.saveCellRun(cellRun));
      },
      onFinding: (finding, { id, kernel, notebook }) => {
        const dismissed = journal.finding(id, finding.id)?.dismissed ?? false;
        const located = { cluster: id, kernel, notebook, dismissed, finding };
        journal.publish({ type: 'finding', finding: located });
        saves.add(`finding ${finding.id}`, () => findings.saveFinding(located));
      },
      onWithdrawn: id => this.withdraw(saves, cluster, id),
      onError: error => {
        log.error({ err: error, cluster }, 'evidence could not be read or diagnosed');
        onProblem(cluster, 'evidence', unreadable(error));
      }
    });
    const watched = { watch, saves };
    this.watched.set(cluster, watched);
    return watched;
  }
}

function unreadable(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return (
    `What happens on this cluster cannot be followed completely (${message}), so findings and progress may be ` +
    'missing. Spark is not affected.'
  );
}
