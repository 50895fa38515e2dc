import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { zstdCompress } from 'node:zlib';
import type { Logger } from 'pino';
import { backOff } from '../../../back-off.js';
import { KeyedMutex } from '../../../keyed-mutex.js';
import {
  findLog,
  isComplete,
  noteProgress,
  type ArchivedLog,
  type Progress
} from './archived-log.js';
import { BucketRefused, type Bucket } from './bucket.js';
import { bytesOf, endOfPart, partName, statusName } from './layout.js';

/** A part of an event log before it is compressed. */
const PART_BYTES = 16 * 2 ** 20;
/** All clusters are looked at this often, ms. */
const LOOK_MS = 5_000;
const TRY_AGAIN = { firstMs: 1_000, longestMs: 60_000 };
/** A cluster of which nothing exists has ended; what it may still be fetching is waited for, ms. */
const GONE_MS = 15_000;
/** Told again when so many attempts have failed. */
const TELL_EVERY = 10;
const MIB = 2 ** 20;

const compressed = promisify(zstdCompress);

export interface EventLogArchiveOptions {
  /** A folder in it for each cluster. */
  directory: string;
  bucket: Bucket;
  log: Logger;
  /** Whether this server looks after the cluster, and no other. Where it is alone, it does after all. */
  isOwn?: (id: string) => boolean;
  partBytes?: number;
  lookMs?: number;
  goneMs?: number;
}

/** What the archive has to know of clusters, and to do with them. */
export interface ClusterLives {
  /** Whether anything of it exists, so that its driver may still write. */
  exists(id: string): boolean;
  /** Removes the directory of one that was to be forgotten. */
  remove(id: string): Promise<void>;
}

/** What an operator sees. */
export interface ArchiveFigures {
  /** Event logs that should be in the bucket by now, and are not. */
  waitingLogs: number;
  waitingBytes: number;
  failures: number;
  storedBytes: number;
}

/**
 * Puts event logs from the clusters' directories into a bucket, where Spark's History Server reads them: finished parts
 * while a cluster runs, the rest when it has ended. What is put depends on the log's bytes alone, so to do it again does no
 * harm, and a server that was killed at any line goes on. A bucket that refuses is asked again; nobody waits for it.
 */
export class EventLogArchive {
  private readonly mutex = new KeyedMutex();
  private readonly abort = new AbortController();
  private readonly ended = new Set<string>();
  private readonly goneSince = new Map<string, number>();
  private readonly waiting = new Map<string, number>();
  private lives: ClusterLives | null = null;
  private looking: Promise<void> = Promise.resolve();
  private failuresInARow = 0;
  private failures = 0;
  private storedBytes = 0;
  private notBefore = 0;

  constructor(private readonly options: EventLogArchiveOptions) {}

  /** Looks after all clusters from now on. */
  open(lives: ClusterLives): void {
    if (this.lives) return;
    this.lives = lives;
    this.looking = this.lookForever();
  }

  /**
   * Nothing more will be written of this cluster. Returns whether its event log is in the bucket, within `withinMs` in any
   * case, and at once if the bucket refuses at the moment: then it is put later.
   */
  async finish(id: string, withinMs: number): Promise<boolean> {
    this.ended.add(id);
    // What fails on this side is told when all clusters are looked at.
    const done = this.step(id).catch(() => false);
    if (this.failuresInARow > 0) return false;
    const late = new AbortController();
    const tooLate = sleep(withinMs, false, { signal: late.signal }).catch(() => false);
    return Promise.race([done, tooLate]).finally(() => late.abort());
  }

  /**
   * Whether the directory of this cluster may be removed now. If not, its event log is not in the bucket yet, and it is
   * removed as soon as it is, by whichever server.
   */
  async evict(id: string): Promise<boolean> {
    if (this.isOthers(id)) {
      this.dropped(id);
      return true;
    }
    this.ended.add(id);
    return this.mutex.runExclusive(id, async () => {
      const found = await this.find(id);
      if (!found || isComplete(found)) {
        this.dropped(id);
        return true;
      }
      await noteProgress(this.directoryOf(id), { ...found.progress, isForgotten: true });
      return false;
    });
  }

  figures(): ArchiveFigures {
    const waiting = [...this.waiting.values()].filter(bytes => bytes > 0);
    return {
      waitingLogs: waiting.length,
      waitingBytes: waiting.reduce((sum, bytes) => sum + bytes, 0),
      failures: this.failures,
      storedBytes: this.storedBytes
    };
  }

  /** Stops at once; another goes on where it was. */
  async close(): Promise<void> {
    this.abort.abort();
    await this.looking;
    await this.mutex.drain();
  }

  private async lookForever(): Promise<void> {
    while (!this.closed) {
      for (const id of await readdir(this.options.directory).catch((): string[] => [])) {
        if (this.closed) break;
        await this.step(id).catch((error: unknown) => {
          const { log } = this.options;
          log.error({ err: error, cluster: id }, 'An event log is not put into the bucket.');
        });
      }
      const ms = this.options.lookMs ?? LOOK_MS;
      await sleep(ms, undefined, { signal: this.abort.signal }).catch(() => undefined);
    }
  }

  /** Puts what there is to put of one cluster; whether all of it is in the bucket, and nothing more will come. */
  private step(id: string): Promise<boolean> {
    return this.mutex.runExclusive(id, async () => {
      if (this.isOthers(id)) return false;
      const hasEnded = this.hasEnded(id);
      for (;;) {
        const found = await this.find(id);
        if (!found) return hasEnded;
        const { size, progress } = found;
        const isDone = hasEnded && isComplete(found);
        const due = hasEnded ? size - progress.bytes : size - progress.bytes - this.partBytes;
        this.waiting.set(id, isDone ? 0 : Math.max(0, due));
        if (isDone) {
          if (!progress.isForgotten) return true;
          this.dropped(id);
          await this.lives?.remove(id);
          return true;
        }
        if (this.closed || Date.now() < this.notBefore) return false;
        try {
          const next = await this.putNext(found, hasEnded);
          if (!next) return false;
          await noteProgress(this.directoryOf(id), next);
          this.succeeded();
        } catch (error) {
          if (this.closed) return false;
          if (!(error instanceof BucketRefused)) throw error;
          this.refused(error);
        }
      }
    });
  }

  /** Puts the next finished part, or the rest of a log that is over; null if there is nothing to put yet. */
  private async putNext(found: ArchivedLog, hasEnded: boolean): Promise<Progress | null> {
    const { path, file: log, size, progress } = found;
    const { application, isInProgress } = log;
    const rest = { name: log.name, bytes: size };
    // The History Server takes a folder without events for damaged.
    if (size === 0) return hasEnded ? { ...progress, rest } : null;
    const file = await open(path);
    try {
      const end = await endOfPart(file, progress.bytes, size, this.partBytes);
      if (end === null && !hasEnded) return null;
      // As Spark does, in this order: a part without a status is an error to the History Server.
      if (progress.parts === 0) await this.put(statusName(application, true), Buffer.alloc(0));
      const upTo = end ?? size;
      const index = progress.parts + 1;
      if (upTo > progress.bytes) {
        const part = await compressed(await bytesOf(file, progress.bytes, upTo));
        await this.put(partName(application, index), part);
        this.storedBytes += part.length;
      }
      if (end !== null) return { ...progress, parts: index, bytes: end, rest: null };
      if (!isInProgress) {
        await this.put(statusName(application, false), Buffer.alloc(0));
        await this.options.bucket.remove(statusName(application, true), this.abort.signal);
      }
      return { ...progress, rest };
    } finally {
      await file.close();
    }
  }

  private async put(key: string, body: Buffer): Promise<void> {
    await this.options.bucket.put(key, body, this.abort.signal);
  }

  private succeeded(): void {
    const { log, bucket } = this.options;
    if (this.failuresInARow > 0)
      log.info({ bucket: bucket.place }, 'The bucket takes event logs again.');
    this.failuresInARow = 0;
  }

  private refused(error: BucketRefused): void {
    const { log, bucket } = this.options;
    this.failures += 1;
    this.failuresInARow += 1;
    this.notBefore = Date.now() + backOff(this.failuresInARow, Math.random(), TRY_AGAIN);
    if (this.failuresInARow % TELL_EVERY !== 1) return;
    const { waitingLogs, waitingBytes } = this.figures();
    log.warn(
      { bucket: bucket.place, waitingLogs, waitingBytes },
      `Event logs cannot be put into the bucket ${bucket.place}: ${error.message}. Nothing is lost: ` +
        `${waitingLogs} of them (${Math.ceil(waitingBytes / MIB)} MiB) are kept in the state directory, ` +
        'and it is tried again by itself. Users notice nothing of it.'
    );
  }

  /** A copy here may be shorter than that of the server which saw the end: it must not take the place of the whole. */
  private isOthers(id: string): boolean {
    return !this.ended.has(id) && !(this.options.isOwn?.(id) ?? true);
  }

  /** Of what ended while no server was there, and of what somebody else deleted, nothing exists. */
  private hasEnded(id: string): boolean {
    if (this.ended.has(id)) return true;
    if (!this.lives || this.lives.exists(id)) {
      this.goneSince.delete(id);
      return false;
    }
    const since = this.goneSince.get(id) ?? Date.now();
    this.goneSince.set(id, since);
    return Date.now() - since >= (this.options.goneMs ?? GONE_MS);
  }

  private dropped(id: string): void {
    for (const known of [this.ended, this.goneSince, this.waiting]) known.delete(id);
  }

  private find(id: string): Promise<ArchivedLog | null> {
    return findLog(this.directoryOf(id), this.options.bucket.place);
  }

  private directoryOf(id: string): string {
    return join(this.options.directory, id);
  }

  private get partBytes(): number {
    return this.options.partBytes ?? PART_BYTES;
  }

  private get closed(): boolean {
    return this.abort.signal.aborted;
  }
}
