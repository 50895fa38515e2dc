import { randomBytes } from 'node:crypto';
import { waitUntil } from '../wait-until.js';
import type { CellRun, Cluster, LocatedFinding, StreamMessage } from '@aglais/protocol';

/** A message without a cursor. */
export type Change =
  Exclude<StreamMessage, { type: 'snapshot' | 'resumed' }> extends infer M
    ? M extends { cursor: string }
      ? Omit<M, 'cursor'>
      : never
    : never;

export type Listener = (message: StreamMessage) => void;

/** The number of past changes that a client can resume from. */
const RETAINED_CHANGES = 5_000;

const findingKey = (cluster: string, id: string) => `${cluster} ${id}`;
/** Paths and cell ids are the same in a copied notebook and in another Lab; kernel ids are not. */
const cellRunKey = (run: CellRun) => `${run.kernel} ${run.cell}`;

/**
 * The state that clients see, and its changes in order. A client that connects with a cursor gets the changes since then;
 * one whose cursor is too old or from another server gets a snapshot.
 */
export class Journal {
  readonly clusters = new Map<string, Cluster>();
  readonly findings = new Map<string, LocatedFinding>();
  /** The latest run of each cell in each kernel. */
  readonly cellRuns = new Map<string, CellRun>();

  private readonly epoch = randomBytes(6).toString('hex');
  /** The newest changes, each at its place in the order modulo their number. */
  private readonly changes: StreamMessage[] = [];
  private readonly listeners = new Set<Listener>();
  private sequence = 0;

  publish(change: Change): void {
    this.sequence += 1;
    const message = { ...change, cursor: this.cursor() } as StreamMessage;
    this.apply(change);
    this.changes[this.sequence % RETAINED_CHANGES] = message;
    for (const listener of [...this.listeners]) listener(message);
  }

  /** Calls the listener with a `snapshot` or `resumed`, then with each change. Returns the function to unsubscribe. */
  subscribe(cursor: string | null, listener: Listener): () => void {
    const missed = this.since(cursor);
    listener(missed ? { type: 'resumed', cursor: this.cursor() } : this.snapshot());
    for (const message of missed ?? []) listener(message);
    return this.onChange(listener);
  }

  /** Calls the listener with each change from now on. Returns the function to unsubscribe. */
  onChange(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  snapshot(): StreamMessage {
    return {
      type: 'snapshot',
      cursor: this.cursor(),
      clusters: [...this.clusters.values()],
      cellRuns: [...this.cellRuns.values()],
      findings: [...this.findings.values()]
    };
  }

  finding(cluster: string, id: string): LocatedFinding | undefined {
    return this.findings.get(findingKey(cluster, id));
  }

  /** Whether it changes the latest run of its cell. */
  isNews(cellRun: CellRun): boolean {
    const known = this.cellRuns.get(cellRunKey(cellRun));
    if (!known) return true;
    if (known.startedAt > cellRun.startedAt) return false;
    return JSON.stringify(known) !== JSON.stringify(cellRun);
  }

  /** Waits until `condition` holds for the state; false if it does not in time. */
  until(condition: () => boolean, withinMs: number): Promise<boolean> {
    return waitUntil(condition, onChange => this.onChange(onChange), withinMs);
  }

  /** Removes an ended cluster with its findings and cell runs; clients do the same. */
  forget(cluster: string): void {
    if (this.clusters.has(cluster)) this.publish({ type: 'cluster-forgotten', cluster });
  }

  private remove(cluster: string): void {
    this.clusters.delete(cluster);
    for (const [key, run] of this.cellRuns) if (run.cluster === cluster) this.cellRuns.delete(key);
    for (const [key, f] of this.findings) if (f.cluster === cluster) this.findings.delete(key);
  }

  private cursor(): string {
    return `${this.epoch}.${this.sequence}`;
  }

  /** The changes after the cursor; null if they are no longer retained. */
  private since(cursor: string | null): StreamMessage[] | null {
    const [epoch, text] = cursor?.split('.') ?? [];
    if (epoch !== this.epoch || !/^\d+$/.test(text ?? '')) return null;
    const missed = this.sequence - Number(text);
    if (missed < 0 || missed > Math.min(this.sequence, RETAINED_CHANGES)) return null;
    return Array.from(
      { length: missed },
      (_, index) => this.changes[(this.sequence - missed + 1 + index) % RETAINED_CHANGES]!
    );
  }

  private apply(change: Change): void {
    switch (change.type) {
      case 'cluster':
        this.clusters.set(change.cluster.id, change.cluster);
        break;
      case 'cell-run': {
        const known = this.cellRuns.get(cellRunKey(change.cellRun));
        if (!known || known.startedAt <= change.cellRun.startedAt) {
          this.cellRuns.set(cellRunKey(change.cellRun), change.cellRun);
        }
        break;
      }
      case 'finding': {
        const { cluster, finding } = change.finding;
        this.findings.set(findingKey(cluster, finding.id), change.finding);
        break;
      }
      case 'finding-withdrawn':
        this.findings.delete(findingKey(change.cluster, change.id));
        break;
      case 'cluster-forgotten':
        this.remove(change.cluster);
        break;
    }
  }
}
