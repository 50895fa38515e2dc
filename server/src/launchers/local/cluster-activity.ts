/** A cluster counts as active for this long after the last event, ms. */
const QUIET_MS = 15_000;

/** Heartbeats arrive every few seconds as long as an executor lives. */
const HEARTBEAT = /^\{"Event":"SparkListenerExecutorMetricsUpdate"/;
const WORK =
  /^\{"Event":"(?:[\w.]+\.)?SparkListener(Job|SQLExecution)(Start|End)","(?:Job ID|executionId)":(\d+)/;
const CELL = /^\{"kind":"cell",.*?"outcome":"(\w+)"/;
const KERNEL_DIED = /^\{"kind":"kernel-died"/;

/**
 * Whether a cluster is active, according to its evidence: it is starting, or a job, a query or a cell is running, or
 * was a moment ago. Otherwise it is idle, and monitoring it must cost next to nothing.
 */
export class ClusterActivity {
  private readonly running = new Set<string>();
  private hasStarted = false;
  private lastAt: number;

  constructor(private readonly now: () => number = Date.now) {
    this.lastAt = now();
  }

  get isActive(): boolean {
    return !this.hasStarted || this.running.size > 0 || this.now() - this.lastAt < QUIET_MS;
  }

  /** A line of Spark's event log. */
  eventLine(text: string): void {
    if (HEARTBEAT.test(text)) return;
    this.hasStarted = true;
    this.lastAt = this.now();
    const [, kind, change, id] = WORK.exec(text) ?? [];
    if (change === 'Start') this.running.add(`${kind}:${id}`);
    if (change === 'End') this.running.delete(`${kind}:${id}`);
  }

  /** A recorded line. A kernel runs one cell at a time, so the latest line has its state. */
  evidenceLine(text: string): void {
    const outcome = CELL.exec(text)?.[1];
    if (outcome === undefined && !KERNEL_DIED.test(text)) return;
    this.lastAt = this.now();
    if (outcome === 'running') this.running.add('cell');
    else this.running.delete('cell');
  }
}
