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

/** Size of a part of an event log before compression. */
const PART_BYTES = 16 * 2 ** 20;
/** Interval of the pass over all clusters, ms. */
const LOOK_MS = 5_000;
const TRY_AGAIN = { firstMs: 1_000, longestMs: 60_000 };
/** A cluster without objects has ended; wait this long for what is still being copied, ms. */
const GONE_MS = 15_000;
/** Number of failures after which the problem is logged again. */
const TELL_EVERY = 10;
const MIB = 2 ** 20;

const compressed = promisify(zstdCompress);

export interface EventLogArchiveOptions {
  /** It has one directory per cluster. */
  directory: string;
  bucket: Bucket;
  log: Logger;
  /** Whether this server alone holds the lease of the cluster; always true for a single server. */
  isOwn?: (id: string) => boolean;
  partBytes?: number;
  lookMs?: number;
  goneMs?: number;
}

/** What the archive needs to know about clusters. */
export interface ClusterLives {
  /** Whether any object of it exists, so that its driver may still write. */
  exists(id: string): boolean;
  /** Deletes the directory of a cluster whose deletion was deferred. */
  remove(id: string): Promise<void>;
}

/** Counters for metrics. */
export interface ArchiveFigures {
  /** Number of event logs that should be in the bucket by now, and are not. */
  waitingLogs: number;
  waitingBytes: number;
  failures: number;
  storedBytes: number;
}

/**
 * Uploads event logs from the clusters' directories to a bucket, where Spark's History Server reads them: complete
 * parts while a cluster is running, the rest when it has ended. Parts depend only on the bytes of the log, so uploading
 * again is harmless, and a server that was killed at any point can resume. A bucket that refuses is retried; nothing
 * waits for it.
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

  /** Starts the pass over all clusters. */
  open(lives: ClusterLives): void {
    if (this.lives) return;
    this.lives = lives;
    this.looking = this.lookForever();
  }

  /**
   * The event log of this cluster is complete. Resolves with whether it is in the bucket: within `withinMs`, and
   * immediately if the bucket refuses at the moment; then it is uploaded later.
   */
  async finish(id: string, withinMs: number): Promise<boolean> {
    this.ended.add(id);
    // Local errors are reported by the pass over all clusters.
    const done = this.step(id).catch(() => false);
    if (this.failuresInARow > 0) return false;
    const late = new AbortController();
    const tooLate = sleep(withinMs, false, { signal: late.signal }).catch(() => false);
    return Promise.race([done, tooLate]).finally(() => late.abort());
  }

  /**
   * Whether the directory of this cluster may be deleted now. If not, its event log is not in the bucket yet, and any
   * server deletes the directory as soon as it is.
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

  /** Stops immediately; another server resumes. */
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
          log.error({ err: error, cluster: id }, 'An event log was not uploaded to the bucket.');
        });
      }
      const ms = this.options.lookMs ?? LOOK_MS;
      await sleep(ms, undefined, { signal: this.abort.signal }).catch(() => undefined);
    }
  }

  /** Uploads what is due for one cluster; returns whether all of it is in the bucket and complete. */
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

  /** Uploads the next complete part, or the rest of an ended log; null if nothing is due yet. */
  private async putNext(found: ArchivedLog, hasEnded: boolean): Promise<Progress | null> {
    const { path, file: log, size, progress } = found;
    const { application, isInProgress } = log;
    const rest = { name: log.name, bytes: size };
    // The History Server reports a directory without events as damaged.
    if (size === 0) return hasEnded ? { ...progress, rest } : null;
    const file = await open(path);
    try {
      const end = await endOfPart(file, progress.bytes, size, this.partBytes);
      if (end === null && !hasEnded) return null;
      // In this order, as Spark does: the History Server reports a part without a status as an error.
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
      `Event logs cannot be uploaded to the bucket ${bucket.place}: ${error.message}. Nothing is lost: ` +
        `${waitingLogs} of them (${Math.ceil(waitingBytes / MIB)} MiB) are kept in the state directory, ` +
        'and it is tried again by itself. Users notice nothing of it.'
    );
  }

  /** This copy may be shorter than that of the server which saw the end: it must not replace the complete log. */
  private isOthers(id: string): boolean {
    return !this.ended.has(id) && !(this.options.isOwn?.(id) ?? true);
  }

  /** Objects of clusters that ended while no server was running, or that someone else deleted, do not exist. */
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
