/** A job that waited for executors: none was there when it began. */
export interface ExecutorWait {
  readonly job: number;
  readonly scope: string;
  readonly from: number;
  /** Where its start was read. */
  readonly ref: string;
  /** When a first task of anybody started, or the job ended without one; null: it still waits. */
  to: number | null;
}

/** ExecutorWaits that are worth remembering, ms. Starting executors takes some tens of seconds anywhere. */
export const LONG_WAIT_MS = 60_000;
const KEPT = 100;

/** Follows jobs that begin while no executor is there, until a task starts. */
export class ExecutorWaits {
  readonly #open = new Map<number, ExecutorWait>();
  /** Those that are over; the longest are kept. */
  readonly over: ExecutorWait[] = [];

  jobStarted(job: number, scope: string, at: number, ref: string): void {
    this.#open.set(job, { job, scope, from: at, to: null, ref });
  }

  /** @returns whether somebody waits no longer. */
  taskStarted(at: number): boolean {
    if (this.#open.size === 0) return false;
    for (const wait of [...this.#open.values()]) this.#end(wait, at);
    return true;
  }

  jobEnded(job: number, at: number): void {
    const wait = this.#open.get(job);
    if (wait) this.#end(wait, at);
  }

  get open(): ExecutorWait[] {
    return [...this.#open.values()];
  }

  #end(wait: ExecutorWait, at: number): void {
    this.#open.delete(wait.job);
    wait.to = at;
    this.over.push(wait);
    if (this.over.length > KEPT) {
      this.over.sort((a, b) => b.to! - b.from - (a.to! - a.from));
      this.over.pop();
    }
  }
}
