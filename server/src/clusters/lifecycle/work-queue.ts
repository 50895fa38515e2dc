import { BACK_OFF, backOffAfter, type BackOffTimes } from '../../back-off.js';

export interface WorkQueueOptions {
  /**
   * Does the next step for a key.
   * @returns the delay after which the key is due again, ms; null: only when it is added
   */
  work(key: string, signal: AbortSignal): Promise<number | null>;
  /** A step failed; it is retried after `retryInMs`. */
  onError(key: string, error: unknown, failures: number, retryInMs: number): void;
  /** A step has run longer than `deadlineMs`: its worker is released, its key stays locked. */
  onOverdue(key: string, runningMs: number): void;
  /** Maximum number of concurrent keys. */
  parallelism: number;
  /** After this time a step no longer counts against `parallelism`, ms. */
  deadlineMs: number;
  backOff?: BackOffTimes;
  random?: () => number;
}

interface Item {
  /** When it is due, by `performance.now()`; null: not scheduled. */
  dueAt: number | null;
  /** It was added while it was being processed. */
  isDirty: boolean;
  startedAt: number | null;
  isOverdue: boolean;
  failures: number;
}

/**
 * A queue of keys, after client-go's rate-limited work queue: a key is processed by one worker at a time, a key that is
 * added while it waits is processed once, and one that fails is retried with exponential back-off. A step that hangs
 * blocks only its own key. https://pkg.go.dev/k8s.io/client-go/util/workqueue
 */
export class WorkQueue {
  private readonly items = new Map<string, Item>();
  private readonly running = new Set<Promise<void>>();
  private readonly abort = new AbortController();
  private timer: NodeJS.Timeout | null = null;

  constructor(private readonly options: WorkQueueOptions) {}

  /** Processes the key as soon as a worker is free. A key in back-off is retried immediately. */
  add(key: string): void {
    this.schedule(key, 0);
  }

  /** The same after a delay, unless it is due earlier. */
  addAfter(key: string, ms: number): void {
    this.schedule(key, ms);
  }

  /** Something about the key may have changed: processes it soon, but does not shorten a back-off. */
  notify(key: string): void {
    if ((this.items.get(key)?.failures ?? 0) === 0) this.add(key);
  }

  /** Adds a key unless it is known: waiting, being processed, or in back-off. */
  addIfAbsent(key: string): void {
    if (!this.items.has(key)) this.add(key);
  }

  /** Removes the key; a running step is completed. */
  forget(key: string): void {
    const item = this.items.get(key);
    if (!item) return;
    item.dueAt = null;
    item.isDirty = false;
    if (item.startedAt === null) this.items.delete(key);
  }

  /** Keys that wait or are being processed. */
  get depth(): number {
    return this.items.size;
  }

  /** Keys whose last step failed. */
  get failing(): number {
    return [...this.items.values()].filter(({ failures }) => failures > 0).length;
  }

  /** Keys whose step has exceeded the deadline. */
  get overdue(): number {
    return [...this.items.values()].filter(({ isOverdue }) => isOverdue).length;
  }

  /**
   * Starts no further step, and waits for those that are running.
   * @param withinMs maximum wait
   */
  async close(withinMs: number): Promise<void> {
    this.abort.abort();
    if (this.timer) clearTimeout(this.timer);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>(resolve => (timer = setTimeout(resolve, withinMs)));
    await Promise.race([Promise.allSettled(this.running), late]);
    clearTimeout(timer);
  }

  private schedule(key: string, ms: number): void {
    if (this.abort.signal.aborted) return;
    const item = this.items.get(key) ?? newItem();
    this.items.set(key, item);
    const dueAt = performance.now() + ms;
    if (item.startedAt !== null && ms === 0) item.isDirty = true;
    else item.dueAt = Math.min(item.dueAt ?? Infinity, dueAt);
    this.dispatch();
  }

  /** Starts what is due, as far as workers are free, and sleeps until the next is due. */
  private dispatch(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    if (this.abort.signal.aborted) return;
    const now = performance.now();
    let busy = 0;
    for (const { startedAt, isOverdue } of this.items.values())
      if (startedAt !== null && !isOverdue) busy += 1;
    const waiting = [...this.items]
      .filter(([, { startedAt, dueAt }]) => startedAt === null && dueAt !== null)
      .sort(([, a], [, b]) => a.dueAt! - b.dueAt!);
    for (const [key, item] of waiting) {
      if (item.dueAt! > now) {
        this.timer = setTimeout(() => this.dispatch(), Math.ceil(item.dueAt! - now));
        return;
      }
      if (busy >= this.options.parallelism) return;
      busy += 1;
      this.start(key, item);
    }
  }

  private start(key: string, item: Item): void {
    item.startedAt = performance.now();
    item.dueAt = null;
    item.isDirty = false;
    const overdue = setTimeout(() => {
      item.isOverdue = true;
      this.options.onOverdue(key, performance.now() - item.startedAt!);
      this.dispatch();
    }, this.options.deadlineMs);
    const step = this.step(key, item).finally(() => {
      clearTimeout(overdue);
      this.running.delete(step);
      this.dispatch();
    });
    this.running.add(step);
  }

  private async step(key: string, item: Item): Promise<void> {
    let againAfterMs: number | null;
    try {
      againAfterMs = await this.options.work(key, this.abort.signal);
      item.failures = 0;
    } catch (error) {
      item.failures += 1;
      const random = (this.options.random ?? Math.random)();
      const times = this.options.backOff ?? BACK_OFF;
      againAfterMs = Math.round(backOffAfter(error, item.failures, random, times));
      this.options.onError(key, error, item.failures, againAfterMs);
    }
    item.startedAt = null;
    item.isOverdue = false;
    if (item.isDirty) againAfterMs = 0;
    if (againAfterMs !== null)
      item.dueAt = Math.min(item.dueAt ?? Infinity, performance.now() + againAfterMs);
    if (item.dueAt === null) this.items.delete(key);
  }
}

function newItem(): Item {
  return { dueAt: null, isDirty: false, startedAt: null, isOverdue: false, failures: 0 };
}
