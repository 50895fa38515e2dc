import { ShareChecker, type CheckResult } from './share-checker.js';

/** Between two checks, ms. */
const INTERVAL_MS = 2_000;
/** A file server that is only busy answers within this time, ms. */
const TIMEOUT_MS = 5_000;
/** Of what the system says about a failure, characters. */
const QUOTE = 500;

/** `hung`: it does not answer; `gone`: it answers that there is nothing. */
export type ShareState = 'healthy' | 'hung' | 'gone';

/** What a check has found that the one before had not. */
export interface ShareNews {
  state: ShareState;
  /** ms since the epoch. */
  at: number;
  /** When the check began that found it. */
  since: number;
  /** What the system said, or that there was no answer. */
  message: string;
}

export interface ShareProbeOptions {
  everyMs?: number;
  patienceMs?: number;
  checker?: ShareChecker;
}

/** For the whole process: one more process checks all shares. */
const CHECKER = new ShareChecker();

/**
 * Checks a mounted share now and then and reports what it finds first, and each change. While a check has no answer and
 * cannot be ended, no second one is sent after it.
 */
export class ShareProbe {
  private state: ShareState | null = null;
  /** There were data once: an empty folder is where they were mounted. */
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

  /** Checks a healthy share this often from now on, ms; others are always checked often. A shorter time begins at once. */
  setInterval(everyMs: number): void {
    const isSooner = everyMs < this.everyMs;
    this.everyMs = everyMs;
    if (!isSooner || this.isChecking || this.closed) return;
    clearTimeout(this.timer);
    this.check();
  }

  /** Returns at once. */
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

/** One check; null if nothing can be run here. Resolves in any case, and soon after the timeout. */
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
