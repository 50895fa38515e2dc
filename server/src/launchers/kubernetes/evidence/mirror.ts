import { mkdir, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { backOff } from '../../../back-off.js';
import { exists, replaceFile } from '../../../store/files.js';
import { FileCopier, type CopyLimits } from './file-copier.js';
import { DiskReserve } from './disk-reserve.js';
import { WitnessClient, type Witness } from './witness-client.js';

/** Files that grow all the time, and are needed immediately. */
const FOLLOWED = ['live.jsonl', 'driver.log'];
/** Small files that are complete as soon as they exist: their writers rename them into place. */
const WHOLE = ['ready', 'driver.exit'];
/** Copied each time the witness lists its files. */
const COPIED = /^(?:shares\.jsonl|eventlog(?:\/[^./\\][^/\\]*){1,2})$/;
/** Spark's suffix of an event log that is being written. */
const IN_PROGRESS = '.inprogress';

/** Until the driver is ready its file is awaited; later only event logs are copied this way. */
const LIST_SOON_MS = 150;
const LIST_LATER_MS = 1_000;
const LIST_MS = 5_000;
const SOON_MS = 30_000;
/** A file that is longer there than here although nothing has arrived for this long: the connection is dead. */
const STALLED_MS = 10_000;
/** A restarted witness is detected within two seconds: until then the evidence is late. */
const TRY_AGAIN = { firstMs: 100, longestMs: 2_000 };
/** Deadline for the last bytes of a cluster that has ended. */
const LAST_BYTES_MS = 10_000;

export interface MirrorOptions {
  /** The local directory of the cluster. */
  directory: string;
  witness: Witness;
  log: Logger;
  /** Other servers copy the same files: only `release` dismisses the witness. */
  othersRead?: boolean;
  disk?: DiskReserve;
  limits?: Partial<CopyLimits>;
  /** Called once for each file that is longer than its copy may be. */
  onLimit?: (path: string, bytes: number) => void;
}

/**
 * Copies what a driver writes in its pod into the local directory of the cluster, as it is written: decides what is
 * copied when; `FileCopier` copies. Only one mirror at a time may write into a directory.
 */
export class Mirror {
  private readonly client: WitnessClient;
  private readonly copier: FileCopier;
  private readonly abort = new AbortController();
  private readonly following = new Map<string, { stop: AbortController; lastAt: number }>();
  private readonly running: Promise<void>;
  private isComplete = false;
  private listNow = (): void => undefined;

  constructor(private readonly options: MirrorOptions) {
    const { directory, witness, log, limits } = options;
    this.client = new WitnessClient(witness);
    this.copier = new FileCopier({
      directory,
      client: this.client,
      disk: options.disk ?? new DiskReserve(directory, log),
      onLimit: (path, bytes) => this.limitReached(path, bytes),
      ...(limits && { limits })
    });
    const loops = [this.keepListing(), ...FOLLOWED.map(path => this.follow(path))];
    this.running = Promise.all(loops).then(() => undefined);
  }

  /** The driver has ended and all its files are here. */
  get complete(): boolean {
    return this.isComplete;
  }

  /** Fetches the remaining bytes of a driver that has ended, and stops. Always resolves, within `withinMs`. */
  async finish(withinMs = LAST_BYTES_MS): Promise<void> {
    const deadline = AbortSignal.timeout(withinMs);
    // A file has one writer: the loops have to end first.
    this.abort.abort();
    await this.running;
    for (let failures = 1; !this.isComplete && !deadline.aborted; failures += 1) {
      try {
        const { files } = await this.client.list(deadline);
        await this.fetchRest(files, deadline);
      } catch (error) {
        this.trouble('the last bytes', failures, error);
        const ms = backOff(failures, Math.random(), TRY_AGAIN);
        await sleep(ms, undefined, { signal: deadline }).catch(() => undefined);
      }
    }
    if (!this.isComplete) {
      const { log, directory } = this.options;
      log.warn({ directory }, 'The last bytes of a driver could not be fetched from its pod.');
    }
    if (!this.options.othersRead) this.client.close();
  }

  /** Stops immediately; another mirror resumes. */
  async close(): Promise<void> {
    this.abort.abort();
    await this.running;
    this.client.close();
  }

  /** Dismisses the witness. One that is not reached waits until its grace period is over, which is harmless. */
  async release(signal = AbortSignal.timeout(LAST_BYTES_MS)): Promise<void> {
    await this.client.done(signal).catch(() => undefined);
    if (this.options.othersRead) this.client.close();
  }

  private async keepListing(): Promise<void> {
    const began = Date.now();
    let failures = 0;
    while (!this.stopped) {
      try {
        const { over, files } = await this.client.list(this.abort.signal);
        failures = 0;
        await this.fetchWhole(files, this.abort.signal);
        await this.copyGrown(files, this.abort.signal);
        await this.breakStalled(files);
        if (over) return await this.fetchAndStop();
        const ready = await exists(this.local('ready'));
        const soon = Date.now() - began < SOON_MS ? LIST_SOON_MS : LIST_LATER_MS;
        await Promise.race([
          this.pause(ready ? LIST_MS : soon),
          new Promise<void>(resolve => (this.listNow = resolve))
        ]);
      } catch (error) {
        if (this.stopped) return;
        failures += 1;
        this.trouble('files', failures, error);
        await this.pause(backOff(failures, Math.random(), TRY_AGAIN));
      }
    }
  }

  /** The driver has ended by itself: stop following, and fetch the rest immediately. */
  private async fetchAndStop(): Promise<void> {
    this.abort.abort();
    const deadline = AbortSignal.timeout(LAST_BYTES_MS);
    while (this.following.size > 0 && !deadline.aborted) await sleep(5);
    try {
      const { files } = await this.client.list(deadline);
      await this.fetchRest(files, deadline);
    } catch (error) {
      // `finish` retries.
      this.trouble('the last bytes', 1, error);
    }
  }

  private async fetchRest(files: readonly Listed[], signal: AbortSignal): Promise<void> {
    await this.fetchWhole(files, signal);
    // Long files are copied in parts.
    while (!(await this.copyGrown(files, signal, FOLLOWED)));
    this.isComplete = true;
    if (!this.options.othersRead) await this.release(signal);
  }

  private async fetchWhole(files: readonly Listed[], signal: AbortSignal): Promise<void> {
    for (const { path } of files) {
      if (!WHOLE.includes(path) || (await exists(this.local(path)))) continue;
      const content = await this.client.file(path, signal);
      await mkdir(this.options.directory, { recursive: true, mode: 0o700 });
      await replaceFile(this.local(path), content.toString('utf8'));
    }
  }

  /** Whether everything that may be copied is here. */
  private async copyGrown(
    files: readonly Listed[],
    signal: AbortSignal,
    more: readonly string[] = []
  ): Promise<boolean> {
    const there = new Set(files.map(({ path }) => path));
    let isAll = true;
    for (const { path, size } of files) {
      if (!COPIED.test(path) && !more.includes(path)) continue;
      const unfinished = path + IN_PROGRESS;
      // Spark renamed it there.
      if (!there.has(unfinished) && !(await exists(this.local(path)))) {
        await rename(this.local(unfinished), this.local(path)).catch(() => undefined);
      }
      isAll = (await this.copier.copy(path, size, signal)) && isAll;
    }
    return isAll;
  }

  private async follow(path: string): Promise<void> {
    let failures = 0;
    while (!this.stopped) {
      const stop = new AbortController();
      const state = { stop, lastAt: Date.now() };
      this.following.set(path, state);
      const signal = AbortSignal.any([stop.signal, this.abort.signal]);
      try {
        const isAll = await this.copier.follow(path, signal, () => {
          state.lastAt = Date.now();
          failures = 0;
        });
        if (isAll) return;
        // It ends only with the driver. Until the next list confirms that, it must not be requested in a tight loop.
        this.listNow();
        failures += 1;
      } catch (error) {
        if (this.stopped) break;
        failures += 1;
        this.trouble(path, failures, error);
      } finally {
        this.following.delete(path);
      }
      await this.pause(backOff(failures, Math.random(), TRY_AGAIN));
    }
  }

  /** A connection may be dead without an error, especially through a proxy: the sizes show it. */
  private async breakStalled(files: readonly Listed[]): Promise<void> {
    for (const { path, size } of files) {
      const state = this.following.get(path);
      if (!state || Date.now() - state.lastAt < STALLED_MS) continue;
      const here = await stat(this.local(path)).catch(() => null);
      if (size > (here?.size ?? 0)) state.stop.abort();
    }
  }

  private local(path: string): string {
    return join(this.options.directory, path);
  }

  private get stopped(): boolean {
    return this.abort.signal.aborted;
  }

  private async pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.abort.signal }).catch(() => undefined);
  }

  private limitReached(path: string, bytes: number): void {
    const { log, directory, onLimit } = this.options;
    log.warn(
      { directory, path, bytes },
      'A file of a driver is too long; only its beginning is copied.'
    );
    onLimit?.(path, bytes);
  }

  private trouble(path: string, failures: number, error: unknown): void {
    const { log, directory } = this.options;
    const problem = error instanceof Error ? error.message : String(error);
    // A starting pod cannot be reached, which is not a problem.
    log[failures === 10 ? 'warn' : 'debug'](
      { directory, path, failures, problem },
      'The evidence of a driver cannot be read from its pod at the moment; nothing is lost.'
    );
  }
}

interface Listed {
  path: string;
  size: number;
}
