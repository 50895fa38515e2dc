/** A job that started without any executor and has to wait for one. */
export interface ExecutorWait {
  readonly job: number;
  readonly scope: string;
  readonly from: number;
  /** Reference of the job's start event. */
  readonly ref: string;
  /** When the first task of any job started, or the job ended without one; null: it is still waiting. */
  to: number | null;
}

/** Shorter waits are normal: executors take some tens of seconds to start, ms. */
export const LONG_WAIT_MS = 60_000;
const KEPT = 100;

/** Tracks jobs that start without any executor, until a task starts. */
export class ExecutorWaits {
  readonly #open = new Map<number, ExecutorWait>();
  /** Ended waits; the longest are kept. */
  readonly over: ExecutorWait[] = [];

  jobStarted(job: number, scope: string, at: number, ref: string): void {
    this.#open.set(job, { job, scope, from: at, to: null, ref });
  }

  /** @returns whether a wait has ended */
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
