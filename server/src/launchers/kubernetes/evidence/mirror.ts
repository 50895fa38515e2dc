import { mkdir, open, rename, stat, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { backOff } from '../../../back-off.js';
import { exists, replaceFile } from '../../../store/files.js';
import { WitnessClient, type Witness } from './witness-client.js';

/** Grow all the time, and are needed at once. */
const FOLLOWED = ['live.jsonl', 'driver.log'];
/** Small, and there as a whole or not at all: their writers rename them into place. */
const WHOLE = ['ready', 'driver.exit'];
/** Fetched as far as they have grown, each time that the witness lists its files. */
const FETCHED = /^(?:shares\.jsonl|eventlog(?:\/[^./\\][^/\\]*){1,2})$/;
/** Spark's suffix of an event log that is being written. */
const IN_PROGRESS = '.inprogress';

/** Until the driver is ready its file is waited for; later only event logs are fetched so. */
const LIST_SOON_MS = 150;
const LIST_LATER_MS = 1_000;
const LIST_MS = 5_000;
const SOON_MS = 30_000;
/** A file that is longer there than here although nothing came for so long: the connection is dead. */
const STALLED_MS = 10_000;
const TRY_AGAIN = { firstMs: 100, longestMs: 5_000 };
/** How long the last bytes of a cluster that has ended are tried for. */
const LAST_BYTES_MS = 10_000;

export interface MirrorOptions {
  /** The cluster's directory here. */
  directory: string;
  witness: Witness;
  log: Logger;
  /** Other servers copy the same: the witness is only let go by `release`. */
  othersRead?: boolean;
}

/**
 * Copies what a driver writes in its pod into the cluster's directory here, as it is written. Local files are only ever
 * appended to, and their size is where the copy goes on: whatever breaks on either side, and whenever, no byte is missing
 * and none comes twice. One mirror writes into a directory at a time.
 */
export class Mirror {
  private readonly client: WitnessClient;
  private readonly abort = new AbortController();
  private readonly following = new Map<string, { stop: AbortController; lastAt: number }>();
  private readonly running: Promise<void>;
  private isComplete = false;
  private lookNow = (): void => undefined;

  constructor(private readonly options: MirrorOptions) {
    this.client = new WitnessClient(options.witness);
    const loops = [this.look(), ...FOLLOWED.map(path => this.follow(path))];
    this.running = Promise.all(loops).then(() => undefined);
  }

  /** The driver has ended and everything is here. */
  get complete(): boolean {
    return this.isComplete;
  }

  /** Fetches what is left of a driver that has ended, and stops. Resolves in any case, within `withinMs`. */
  async finish(withinMs = LAST_BYTES_MS): Promise<void> {
    const deadline = AbortSignal.timeout(withinMs);
    // Nobody but one writes into a file: the loops have to let go first.
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
      log.warn({ directory }, 'The last words of a driver could not be fetched from its pod.');
    }
    if (!this.options.othersRead) this.client.close();
  }

  /** Stops at once; goes on where it was when another one is made. */
  async close(): Promise<void> {
    this.abort.abort();
    await this.running;
    this.client.close();
  }

  /** Looks now and then at what there is. */
  private async look(): Promise<void> {
    const began = Date.now();
    let failures = 0;
    while (!this.stopped) {
      try {
        const { over, files } = await this.client.list(this.abort.signal);
        failures = 0;
        await this.fetchWhole(files, this.abort.signal);
        await this.fetchGrown(files, this.abort.signal);
        await this.breakStalled(files);
        if (over) return await this.complement();
        const ready = await exists(this.local('ready'));
        const soon = Date.now() - began < SOON_MS ? LIST_SOON_MS : LIST_LATER_MS;
        await Promise.race([
          this.pause(ready ? LIST_MS : soon),
          new Promise<void>(resolve => (this.lookNow = resolve))
        ]);
      } catch (error) {
        if (this.stopped) return;
        failures += 1;
        this.trouble('files', failures, error);
        await this.pause(backOff(failures, Math.random(), TRY_AGAIN));
      }
    }
  }

  /** The driver has ended by itself: those who follow are let go, and the rest is fetched at once. */
  private async complement(): Promise<void> {
    this.abort.abort();
    const deadline = AbortSignal.timeout(LAST_BYTES_MS);
    await this.released(deadline);
    try {
      const { files } = await this.client.list(deadline);
      await this.fetchRest(files, deadline);
    } catch (error) {
      // `finish` will try again.
      this.trouble('the last bytes', 1, error);
    }
  }

  private async released(deadline: AbortSignal): Promise<void> {
    while (this.following.size > 0 && !deadline.aborted) await sleep(5);
  }

  private async fetchRest(files: readonly Listed[], signal: AbortSignal): Promise<void> {
    await this.fetchWhole(files, signal);
    await this.fetchGrown(files, signal);
    for (const { path, size } of files) {
      if (FOLLOWED.includes(path)) await this.fetch(path, size, signal);
    }
    this.isComplete = true;
    if (!this.options.othersRead) await this.release(signal);
  }

  /** The witness may end. If it does not hear it, it waits in vain for a while: no harm is done. */
  async release(signal = AbortSignal.timeout(LAST_BYTES_MS)): Promise<void> {
    await this.client.done(signal).catch(() => undefined);
    if (this.options.othersRead) this.client.close();
  }

  private async fetchWhole(files: readonly Listed[], signal: AbortSignal): Promise<void> {
    for (const { path } of files) {
      if (!WHOLE.includes(path) || (await exists(this.local(path)))) continue;
      const content = await this.client.file(path, signal);
      await mkdir(this.options.directory, { recursive: true, mode: 0o700 });
      await replaceFile(this.local(path), content.toString('utf8'));
    }
  }

  private async fetchGrown(files: readonly Listed[], signal: AbortSignal): Promise<void> {
    const there = new Set(files.map(({ path }) => path));
    for (const { path, size } of files) {
      if (!FETCHED.test(path)) continue;
      const unfinished = path + IN_PROGRESS;
      // Spark renamed it there.
      if (!there.has(unfinished) && !(await exists(this.local(path)))) {
        await rename(this.local(unfinished), this.local(path)).catch(() => undefined);
      }
      await this.fetch(path, size, signal);
    }
  }

  private async fetch(path: string, size: number, signal: AbortSignal): Promise<void> {
    const file = await this.openLocal(path);
    try {
      const from = (await file.stat()).size;
      if (from >= size) return;
      const answer = await this.client.bytes(path, from, false, signal);
      for await (const chunk of answer) await file.appendFile(chunk as Buffer);
    } finally {
      await file.close();
    }
  }

  private async follow(path: string): Promise<void> {
    let failures = 0;
    while (!this.stopped) {
      const stop = new AbortController();
      const state = { stop, lastAt: Date.now() };
      this.following.set(path, state);
      const signal = AbortSignal.any([stop.signal, this.abort.signal]);
      try {
        const file = await this.openLocal(path);
        try {
          const from = (await file.stat()).size;
          const answer = await this.client.bytes(path, from, true, signal);
          for await (const chunk of answer) {
            await file.appendFile(chunk as Buffer);
            state.lastAt = Date.now();
            failures = 0;
          }
        } finally {
          await file.close();
        }
        // It ends only with the driver. Until that is acted on it must not be asked in a circle.
        this.lookNow();
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

  /** A connection may be dead without a word, most of all through a proxy: sizes tell. */
  private async breakStalled(files: readonly Listed[]): Promise<void> {
    for (const { path, size } of files) {
      const state = this.following.get(path);
      if (!state || Date.now() - state.lastAt < STALLED_MS) continue;
      const here = await stat(this.local(path)).catch(() => null);
      if (size > (here?.size ?? 0)) state.stop.abort();
    }
  }

  private async openLocal(path: string): Promise<FileHandle> {
    await mkdir(dirname(this.local(path)), { recursive: true, mode: 0o700 });
    return open(this.local(path), 'a', 0o600);
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

  private trouble(path: string, failures: number, error: unknown): void {
    const { log, directory } = this.options;
    const problem = error instanceof Error ? error.message : String(error);
    // While a pod starts it cannot be reached; that is nothing to complain about.
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
