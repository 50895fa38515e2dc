import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';

export interface LoopOptions {
  /** For health checks and logs, e.g. `resync`. */
  name: string;
  /** Interval between the end of one run and the start of the next, ms. */
  intervalMs: number;
  /** A loop that has not completed a run for this long is stuck, ms. */
  limitMs: number;
  run: () => Promise<void>;
  log: Logger;
}

/** Time since the last completed run, and the limit from which on the loop counts as stuck. */
export interface LoopHealth {
  name: string;
  ageMs: number;
  limitMs: number;
}

/** Background work at intervals; a run that fails is logged, and the next one follows. */
export class Loop {
  private readonly abort = new AbortController();
  private running: Promise<void> | null = null;
  private completedAt = performance.now();

  constructor(private readonly options: LoopOptions) {}

  /** The first run starts after one interval. */
  start(): void {
    this.completedAt = performance.now();
    this.running ??= this.repeat();
  }

  /** Resolves when the current run has ended. */
  async close(): Promise<void> {
    this.abort.abort();
    await this.running;
  }

  health(): LoopHealth {
    const { name, limitMs } = this.options;
    return { name, ageMs: Math.round(performance.now() - this.completedAt), limitMs };
  }

  private async repeat(): Promise<void> {
    const { name, intervalMs, run, log } = this.options;
    const { signal } = this.abort;
    while (!signal.aborted) {
      await sleep(intervalMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      try {
        await run();
      } catch (error) {
        log.error(
          { err: error, loop: name },
          'a run of a background loop failed; the next one follows'
        );
      }
      this.completedAt = performance.now();
    }
  }
}
