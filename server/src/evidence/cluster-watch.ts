import {
  Diagnosis,
  observeEventLine,
  observeEvidenceLine,
  type Observation
} from '@aglais/diagnosis';
import type { CellRun, Finding } from '@aglais/protocol';
import type { EvidenceSink } from './evidence-sink.js';

/** Minimum interval between published changes; more cannot be seen, and a busy stage would cause thousands. */
const FLUSH_MS = 100;
/**
 * Minimum interval for memory values, which change all the time and are most of the changes in hundreds of clusters.
 */
const MEMORY_MS = 2_000;
/** A job that hangs logs nothing: the diagnosis needs a clock. */
const CLOCK_MS = 10_000;

/** Limit for logging: a detector that fails on one line may fail on a million lines. */
const REPORTED_FAILURES = 3;

export interface WatchedCluster {
  id: string;
  kernel: string;
  notebook: string;
}

export interface WatchEvents {
  /** Memory, executors, stages or the application have changed. */
  onResources(): void;
  onCellRun(cellRun: CellRun): void;
  onFinding(finding: Finding, place: WatchedCluster): void;
  onWithdrawn(findingId: string): void;
  /** Evidence could not be followed or diagnosed; the cluster itself is not affected. */
  onError(error: unknown): void;
}

/** The source of a cluster's evidence. */
export interface EvidenceSource {
  follow(id: string, sink: EvidenceSink, signal: AbortSignal): Promise<void>;
}

/** Follows the evidence of one cluster, diagnoses it as it arrives, and publishes what has changed. */
export class ClusterWatch implements EvidenceSink {
  readonly diagnosis = new Diagnosis();
  /** Number of lines read from Spark's event log. */
  eventLines = 0;
  private readonly abort = new AbortController();
  private timer: NodeJS.Timeout | null = null;
  private memory = { isNew: false, publishedAt: 0 };
  private readonly clock = setInterval(
    () => this.observe({ kind: 'time', at: Date.now() }),
    CLOCK_MS
  );
  private readonly following: Promise<void>;
  private isConcluded = false;
  private failures = 0;

  constructor(
    source: EvidenceSource,
    private cluster: WatchedCluster,
    private readonly events: WatchEvents
  ) {
    this.following = source
      .follow(cluster.id, this, this.abort.signal)
      .catch((error: unknown) => events.onError(error));
  }

  /** The notebook was renamed, Jupyter reported a better path than the kernel, or a spare was assigned to a kernel. */
  place(kernel: string, notebook: string): void {
    this.cluster = { ...this.cluster, kernel, notebook };
  }

  eventLine(text: string, ref: string): void {
    this.guard(() => observeEventLine(this.diagnosis, text, ref));
    this.eventLines += 1;
    this.flushSoon();
  }

  evidenceLine(text: string, ref: string): void {
    this.guard(() => observeEvidenceLine(this.diagnosis, text, ref));
    this.flushSoon();
  }

  observe(observation: Observation): void {
    this.guard(() => this.diagnosis.observe(observation));
    this.flushSoon();
  }

  /** Resolves at the end of the evidence, for a replay. */
  async idle(): Promise<void> {
    await this.following;
  }

  /** Stops reading; the current state is published. */
  async close(): Promise<void> {
    await this.leave();
    this.flush();
  }

  /** The cluster has ended: missing evidence will never arrive. Idempotent. */
  async conclude(): Promise<void> {
    await this.leave();
    if (!this.isConcluded) this.guard(() => this.diagnosis.close());
    this.isConcluded = true;
    this.flush();
  }

  /** Stops reading and publishes nothing more: another server does. */
  async leave(): Promise<void> {
    this.abort.abort();
    clearInterval(this.clock);
    await this.following;
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
  }

  private flushSoon(): void {
    this.timer ??= setTimeout(() => this.flush(), FLUSH_MS);
  }

  /** A detector that fails on one cluster's evidence must neither crash the server nor stop the reading. */
  private guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.failures += 1;
      if (this.failures <= REPORTED_FAILURES) this.events.onError(error);
    }
  }

  private flush(): void {
    this.timer = null;
    this.guard(() => this.publishChanges());
  }

  private publishChanges(): void {
    const changes = this.diagnosis.drainChanges();
    this.memory.isNew ||= changes.memory;
    if (
      changes.resources ||
      (this.memory.isNew && Date.now() - this.memory.publishedAt >= MEMORY_MS)
    ) {
      this.memory = { isNew: false, publishedAt: Date.now() };
      this.events.onResources();
    }
    for (const { cell, run } of changes.cells) {
      const state = this.diagnosis.cellRun(cell, run);
      // Jobs may be observed before the kernel has reported the start of their cell.
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
