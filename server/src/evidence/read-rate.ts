import { setTimeout as sleep } from 'node:timers/promises';

export interface Rate {
  perSecond: number;
  /** Burst size: what was written before the server started is read without delay. */
  burst: number;
}

/** Throttles a reader to a rate (a token bucket): its file waits, and nothing is lost. */
export class ReadRate {
  private available: number;
  private at = performance.now();

  constructor(private readonly rate: Rate) {
    this.available = rate.burst;
  }

  /** Resolves when this many bytes may be read, or when aborted. */
  async take(amount: number, signal: AbortSignal): Promise<void> {
    const { perSecond, burst } = this.rate;
    const now = performance.now();
    this.available = Math.min(burst, this.available + ((now - this.at) / 1_000) * perSecond);
    this.at = now;
    this.available -= amount;
    if (this.available >= 0 || signal.aborted) return;
    const ms = (-this.available / perSecond) * 1_000;
    await sleep(ms, undefined, { signal }).catch(() => undefined);
  }
}
