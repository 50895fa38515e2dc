import { setTimeout as sleep } from 'node:timers/promises';
import { backOff, type BackOffTimes } from '../back-off.js';
import { isPermanent } from '../store/errors.js';

const RETRY: BackOffTimes = { firstMs: 500, longestMs: 30_000 };
/** After this many consecutive failures a problem with the database is reported. */
const REPORTED_FAILURES = 3;

export interface SaveQueueOptions {
  /** Called for each failure. */
  onError(error: unknown): void;
  /** What cannot be saved, for people; null: the problem is over. */
  onProblem(problem: string | null): void;
  retry?: BackOffTimes;
}

/**
 * Saves the results of one cluster in order, only the latest state of each record. While the database is unavailable it
 * waits; data that the database rejects permanently are dropped and reported, and the rest is saved.
 */
export class SaveQueue {
  private readonly pending = new Map<string, () => Promise<void>>();
  private readonly abort = new AbortController();
  private saving: Promise<void> | null = null;
  private dropped = 0;

  constructor(private readonly options: SaveQueueOptions) {}

  /** @param key of the record; an older pending state is replaced */
  add(key: string, save: () => Promise<void>): void {
    // Moved to the end: dependent records are saved in the order in which they were created.
    this.pending.delete(key);
    this.pending.set(key, save);
    this.saving ??= this.saveAll().finally(() => (this.saving = null));
  }

  /** Number of pending records. */
  get size(): number {
    return this.pending.size;
  }

  /** Waits until everything is saved or dropped; false if that takes longer. */
  async drain(withinMs: number): Promise<boolean> {
    const timer = new AbortController();
    const late = sleep(withinMs, undefined, { signal: timer.signal }).catch(() => undefined);
    await Promise.race([this.saving, late]);
    timer.abort();
    return this.saving === null;
  }

  /** Tries once more and gives up; the next server creates the same records again. */
  async close(): Promise<void> {
    this.abort.abort();
    await this.saving;
  }

  private async saveAll(): Promise<void> {
    let failures = 0;
    for (let next = this.first(); next; next = this.first()) {
      const [key, save] = next;
      try {
        await save();
        this.done(key, save);
        if (failures >= REPORTED_FAILURES && this.dropped === 0) this.options.onProblem(null);
        failures = 0;
      } catch (error) {
        this.options.onError(error);
        if (isPermanent(error)) {
          this.done(key, save);
          this.dropped += 1;
          this.options.onProblem(refused(this.dropped, error));
          continue;
        }
        failures += 1;
        if (failures === REPORTED_FAILURES && this.dropped === 0)
          this.options.onProblem(delayed(error));
        if (this.abort.signal.aborted) return;
        const ms = backOff(failures, Math.random(), this.options.retry ?? RETRY);
        await sleep(ms, undefined, { signal: this.abort.signal }).catch(() => undefined);
      }
    }
  }

  private first(): [string, () => Promise<void>] | undefined {
    return this.pending.entries().next().value;
  }

  /** A newer state may have arrived while the older one was being saved. */
  private done(key: string, save: () => Promise<void>): void {
    if (this.pending.get(key) === save) this.pending.delete(key);
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

function refused(count: number, error: unknown): string {
  const what = count === 1 ? '1 record' : `${count} records`;
  return (
    `The database refused ${what} of this cluster (${messageOf(error)}). Findings are still shown here, ` +
    'but some will be missing after the server restarts. Spark is not affected.'
  );
}

function delayed(error: unknown): string {
  return (
    `Findings of this cluster cannot be saved at the moment (${messageOf(error)}). ` +
    'They are shown, and the server keeps trying to save them. Spark is not affected.'
  );
}
