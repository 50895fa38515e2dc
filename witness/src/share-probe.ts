import { ShareChecker, type CheckResult } from './share-checker.js';

/** Interval between two checks, ms. */
const INTERVAL_MS = 2_000;
/** A busy file server responds within this time, ms. */
const TIMEOUT_MS = 5_000;
/** Maximum length of a system error message, characters. */
const QUOTE = 500;

/** `hung`: it does not respond; `gone`: it responds that nothing is there. */
export type ShareState = 'healthy' | 'hung' | 'gone';

/** A change since the previous check. */
export interface ShareNews {
  state: ShareState;
  /** ms since the epoch. */
  at: number;
  /** When the check that detected it started. */
  since: number;
  /** The system's error message, or that there was no response. */
  message: string;
}

export interface ShareProbeOptions {
  everyMs?: number;
  patienceMs?: number;
  checker?: ShareChecker;
}

/** Per process: one child process checks all shares. */
const CHECKER = new ShareChecker();

/**
 * Checks a mounted share periodically and reports the first result and each change. While a check has not responded and
 * cannot be killed, no second one is started.
 */
export class ShareProbe {
  private state: ShareState | null = null;
  /** It contained data once: an empty directory is its mount point. */
  private wasFilled = false;
  private isChecking = false;
  private timer: NodeJS.Timeout | undefined;
  private closed = false;
  private everyMs: number;

  constructor(
    private readonly path: string,
    private readonly onNews: (news: ShareNews) => void,
    private readonly options: ShareProbeOptions = {}
  ) {
    this.everyMs = options.everyMs ?? INTERVAL_MS;
    this.check();
  }

  /**
   * Sets the interval of checks while the share is healthy, ms; otherwise it is always checked often. A shorter
   * interval takes effect immediately.
   */
  setInterval(everyMs: number): void {
    const isSooner = everyMs < this.everyMs;
    this.everyMs = everyMs;
    if (!isSooner || this.isChecking || this.closed) return;
    clearTimeout(this.timer);
    this.check();
  }

  /** Returns immediately. */
  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
  }

  private check(): void {
    const { patienceMs = TIMEOUT_MS, checker = CHECKER } = this.options;
    this.isChecking = true;
    checker.check(this.path, patienceMs, {
      onTimeout: since => this.report('hung', since, `no answer for ${patienceMs / 1_000} s`),
      onResult: (result, since) => {
        this.isChecking = false;
        if (result) this.judge(result, since);
        this.again();
      }
    });
  }

  private judge(result: CheckResult, since: number): void {
    if ('message' in result) {
      this.report('gone', since, result.message.slice(0, QUOTE));
    } else if (this.wasFilled && !result.filled) {
      this.report('gone', since, 'the folder is empty, and was not before');
    } else {
      this.wasFilled = result.filled;
      this.report('healthy', since, 'answers');
    }
  }

  private report(state: ShareState, since: number, message: string): void {
    if (this.closed || state === this.state) return;
    this.state = state;
    this.onNews({ state, at: Date.now(), since, message });
  }

  private again(): void {
    if (this.closed) return;
    const { everyMs = INTERVAL_MS } = this.options;
    const delayMs = this.state === 'healthy' ? this.everyMs : everyMs;
    this.timer = setTimeout(() => this.check(), delayMs).unref();
  }
}

/** One check; null if nothing can be run here. Always resolves soon after the timeout. */
export async function probeOnce(
  path: string,
  options: ShareProbeOptions = {}
): Promise<ShareState | null> {
  const { promise, resolve } = Promise.withResolvers<ShareState | null>();
  const probe = new ShareProbe(path, ({ state }) => resolve(state), options);
  const timer = setTimeout(() => resolve(null), 2 * (options.patienceMs ?? TIMEOUT_MS));
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    probe.close();
  }
}
