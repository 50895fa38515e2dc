import {
  Diagnosis,
  observeEventLine,
  observeEvidenceLine,
  type Observation
} from '@aglais/diagnosis';
import type { CellRun, Finding } from '@aglais/protocol';
import type { EvidenceSink, Launcher } from '../launchers/launcher.js';

/** Changes are told at most this often; a person cannot see more, and a busy stage would send thousands. */
const FLUSH_MS = 100;
/** How full memory is changes all the time, and is most of what changes in hundreds of clusters: it is told at most this often. */
const MEMORY_MS = 2_000;
/** A job that hangs writes nothing: that time goes by has to be said. */
const CLOCK_MS = 10_000;

export interface WatchedCluster {
  id: string;
  kernel: string;
  notebook: string;
}

export interface WatchEvents {
  /** Memory, executors, stages or the application changed. */
  onResources: () => void;
  onCellRun: (cellRun: CellRun) => void;
  onFinding: (finding: Finding, place: WatchedCluster) => void;
  onWithdrawn: (findingId: string) => void;
}

/** Follows the evidence of one cluster, diagnoses it as it comes, and tells what changed. */
export class ClusterWatch implements EvidenceSink {
  readonly diagnosis = new Diagnosis();
  /** Lines of Spark's event log that were read. */
  eventLines = 0;
  private readonly abort = new AbortController();
  private timer: NodeJS.Timeout | null = null;
  private memory = { isNews: false, toldAt: 0 };
  private readonly clock = setInterval(
    () => this.observe({ kind: 'time', at: Date.now() }),
    CLOCK_MS
  );
  private readonly following: Promise<void>;

  constructor(
    launcher: Pick<Launcher, 'follow'>,
    private cluster: WatchedCluster,
    private readonly events: WatchEvents,
    onError: (error: unknown) => void
  ) {
    this.following = launcher.follow(cluster.id, this, this.abort.signal).catch(onError);
  }

  /** The notebook was renamed, or Jupyter knows its path better than the kernel did. */
  place(notebook: string): void {
    this.cluster = { ...this.cluster, notebook };
  }

  eventLine(text: string, ref: string): void {
    observeEventLine(this.diagnosis, text, ref);
    this.eventLines += 1;
    this.flushSoon();
  }

  evidenceLine(text: string, ref: string): void {
    observeEvidenceLine(this.diagnosis, text, ref);
    this.flushSoon();
  }

  observe(observation: Observation): void {
    this.diagnosis.observe(observation);
    this.flushSoon();
  }

  /** Resolves when there is no more evidence: of a replay. */
  async idle(): Promise<void> {
    await this.following;
  }

  /**
   * Ends the watch after telling what was seen last.
   * @param over the cluster has ended: what its evidence lacks now will never come
   */
  async close(over: boolean): Promise<void> {
    this.abort.abort();
    clearInterval(this.clock);
    await this.following;
    if (over) this.diagnosis.close();
    if (this.timer) clearTimeout(this.timer);
    this.tell();
  }

  /** Ends the watch without a word: somebody else tells what comes. */
  async leave(): Promise<void> {
    this.abort.abort();
    clearInterval(this.clock);
    await this.following;
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
  }

  private flushSoon(): void {
    this.timer ??= setTimeout(() => this.tell(), FLUSH_MS);
  }

  private tell(): void {
    this.timer = null;
    const changes = this.diagnosis.drainChanges();
    this.memory.isNews ||= changes.memory;
    if (changes.resources || (this.memory.isNews && Date.now() - this.memory.toldAt >= MEMORY_MS)) {
      this.memory = { isNews: false, toldAt: Date.now() };
      this.events.onResources();
    }
    for (const { cell, run } of changes.cells) {
      const state = this.diagnosis.cellRun(cell, run);
      // Jobs may be seen before the kernel has said that their cell began.
      if (!state || state.startedAt === null) continue;
      const { id, kernel, notebook } = this.cluster;
      this.events.onCellRun({
        ...state,
        cluster: id,
        kernel,
        notebook,
        startedAt: state.startedAt,
        outcome: state.outcome ?? 'running'
      });
    }
    if (changes.findings.changed.length > 0) {
      const findings = new Map(this.diagnosis.findings().map(finding => [finding.id, finding]));
      for (const id of changes.findings.changed)
        this.events.onFinding(findings.get(id)!, this.cluster);
    }
    for (const id of changes.findings.withdrawn) this.events.onWithdrawn(id);
  }
}
