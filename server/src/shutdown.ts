import type { Logger } from 'pino';
import { errorMessage } from './error-message.js';

/** Time for all parts after one that exceeded the deadline, ms. */
const GRACE_MS = 5_000;

interface Part {
  name: string;
  end: () => unknown;
  /** The consequences if the part does not end in time, for the log. */
  left?: () => string;
}

/**
 * Shuts down the parts of the server in the reverse order of their start, within one deadline, so that none can block
 * the exit.
 */
export class Shutdown {
  private readonly parts: Part[] = [];
  private running: Promise<void> | null = null;

  /** @param deadlineMs for all parts together; parts after one that exceeded it have a few seconds more */
  constructor(
    private readonly deadlineMs: number,
    private readonly log: Logger
  ) {}

  get begun(): boolean {
    return this.running !== null;
  }

  /**
   * Registers a part that was started.
   * @throws if the shutdown has begun; then the part is shut down immediately
   */
  async add(part: Part): Promise<void> {
    if (!this.running) {
      this.parts.push(part);
      return;
    }
    await part.end();
    throw new Error('The server is shutting down.');
  }

  /** Idempotent. */
  run(): Promise<void> {
    return (this.running ??= this.endAll());
  }

  private async endAll(): Promise<void> {
    let deadline = performance.now() + this.deadlineMs;
    let isLate = false;
    for (const part of this.parts.toReversed()) {
      const { name, end, left } = part;
      const result = await within(end, Math.max(0, deadline - performance.now()));
      if (result === 'done') continue;
      if (result !== 'late') {
        this.log.error({ err: result }, `shutdown: ${name} failed: ${errorMessage(result)}`);
        continue;
      }
      if (!isLate) deadline += GRACE_MS;
      isLate = true;
      this.log.warn(`shutdown: ${name} did not end in time. ${left?.() ?? 'It is left running.'}`);
    }
  }
}

async function within(work: () => unknown, ms: number): Promise<'done' | 'late' | Error> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>(resolve => {
    timer = setTimeout(resolve, ms, 'late');
  });
  try {
    return await Promise.race([Promise.resolve(work()).then(() => 'done' as const), late]);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  } finally {
    clearTimeout(timer);
  }
}
