import { statfs } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';

/** This much of the disk is reserved for the database and the recorded pod statuses. */
const RESERVE_BYTES = 2 ** 30;
const LOOK_MS = 1_000;

/** Free space of a file system for users, bytes. */
async function freeBytes(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}

/**
 * Delays copies while the disk is nearly full: the output of drivers must not prevent the server from saving its own
 * state.
 */
export class DiskReserve {
  private at = 0;
  private isFull = false;

  constructor(
    private readonly directory: string,
    private readonly log: Logger,
    private readonly free: (directory: string) => Promise<number> = freeBytes
  ) {}

  /** Resolves when there is enough space, or when aborted. */
  async wait(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !(await this.hasRoom()))
      await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }

  private async hasRoom(): Promise<boolean> {
    if (Date.now() - this.at < LOOK_MS) return !this.isFull;
    this.at = Date.now();
    // A file system that does not report its space must not block the copies.
    const free = await this.free(this.directory).catch(() => Infinity);
    const wasFull = this.isFull;
    this.isFull = free < RESERVE_BYTES;
    const { directory, log } = this;
    if (this.isFull && !wasFull)
      log.error(
        { directory, freeMiB: Math.floor(free / 2 ** 20) },
        'The disk is nearly full: what drivers write is not copied until 1 GiB is free. Nothing is lost while their pods exist. ' +
          'Free some space, or give the state directory more.'
      );
    if (!this.isFull && wasFull)
      log.info({ directory }, 'The disk has room again; copying goes on.');
    return !this.isFull;
  }
}
