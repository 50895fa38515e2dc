import { mkdir, open, readdir, stat, type FileHandle } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { MAX_EVENT_LOGS, maxFileBytes } from '@aglais/witness/evidence-limits';
import { ReadRate, type Rate } from '../../../evidence/read-rate.js';
import { BYTES_RATE } from '../../../evidence/reading-limits.js';
import type { DiskReserve } from './disk-reserve.js';
import type { WitnessClient } from './witness-client.js';

const MIB = 2 ** 20;
/** The rest of a longer file is copied after the next list: other files must not wait for it. */
const PART_BYTES = 64 * MIB;

/** Limits for copying one cluster; user code can write to each of its files, and create any number of them. */
export interface CopyLimits {
  fileBytes: (path: string) => number;
  /** Number and total size of the files in `eventlog`. */
  eventLogs: number;
  eventLogBytes: number;
  rate: Rate;
}

const LIMITS: CopyLimits = {
  fileBytes: maxFileBytes,
  eventLogs: MAX_EVENT_LOGS,
  eventLogBytes: 4 * 1_024 * MIB,
  rate: BYTES_RATE
};

export interface FileCopierOptions {
  /** The local directory of the cluster. */
  directory: string;
  client: WitnessClient;
  disk: DiskReserve;
  /** Called once for each file that is not copied completely. */
  onLimit: (path: string, bytes: number) => void;
  limits?: Partial<CopyLimits>;
}

/**
 * Appends the new bytes of a file in a driver's pod to its local copy. Copying resumes at the size of the copy, so
 * after any failure no byte is missing or duplicated. It stops at the limit of a file, and waits while the rate limit
 * of the cluster is reached or the disk is nearly full.
 */
export class FileCopier {
  private readonly limits: CopyLimits;
  private readonly rate: ReadRate;
  private readonly reported = new Set<string>();
  private eventLogs: Promise<{ names: Set<string>; bytes: number }> | null = null;

  constructor(private readonly options: FileCopierOptions) {
    this.limits = { ...LIMITS, ...options.limits };
    this.rate = new ReadRate(this.limits.rate);
  }

  /**
   * Copies what a file contains now; of a long one a part, and the rest later.
   * @param size of the file in the pod
   * @returns whether everything that may be copied is here
   */
  async copy(path: string, size: number, signal: AbortSignal): Promise<boolean> {
    const limit = this.limits.fileBytes(path);
    const available = Math.min(size, limit);
    const here = await stat(this.local(path)).catch(() => null);
    let from = here?.size ?? 0;
    if (from >= limit) this.report(path, limit);
    if (here && from >= available) return true;
    if (isEventLog(path) && !(await this.reserve(path))) {
      this.report(path, from);
      return true;
    }
    const to = Math.min(available, from + PART_BYTES);
    const file = await this.openLocal(path);
    try {
      if (from < to) {
        const answer = await this.options.client.bytes(path, { from, to }, signal);
        for await (const chunk of answer) {
          const bytes = (chunk as Buffer).subarray(0, to - from);
          from += await this.append(file, path, bytes, signal);
          // More than was requested.
          if (bytes.length < (chunk as Buffer).length) break;
        }
      }
    } finally {
      await file.close();
    }
    return from >= available;
  }

  /**
   * Copies a file as it grows, until the driver has ended.
   * @param onBytes called after each write
   * @returns whether it ended at the file's limit: then there is nothing more to copy
   */
  async follow(path: string, signal: AbortSignal, onBytes: () => void): Promise<boolean> {
    const limit = this.limits.fileBytes(path);
    const file = await this.openLocal(path);
    try {
      let size = (await file.stat()).size;
      if (size < limit) {
        const answer = await this.options.client.bytes(path, { from: size, follow: true }, signal);
        for await (const chunk of answer) {
          size += await this.append(
            file,
            path,
            (chunk as Buffer).subarray(0, limit - size),
            signal
          );
          onBytes();
          if (size >= limit) break;
        }
      }
      if (size < limit) return false;
      this.report(path, limit);
      return true;
    } finally {
      await file.close();
    }
  }

  private async append(
    file: FileHandle,
    path: string,
    bytes: Buffer,
    signal: AbortSignal
  ): Promise<number> {
    await this.rate.take(bytes.length, signal);
    await this.options.disk.wait(signal);
    signal.throwIfAborted();
    await file.appendFile(bytes);
    if (isEventLog(path)) (await this.knownEventLogs()).bytes += bytes.length;
    return bytes.length;
  }

  /** Counts the file before anything of it is created: several are copied at the same time, and some without success. */
  private async reserve(path: string): Promise<boolean> {
    const { names, bytes } = await this.knownEventLogs();
    const { eventLogs, eventLogBytes } = this.limits;
    if (bytes >= eventLogBytes) return false;
    if (!names.has(nameOf(path)) && names.size >= eventLogs) return false;
    names.add(nameOf(path));
    return true;
  }

  /**
   * Copies count even if their originals were deleted: otherwise user code could fill the disk with one file after the
   * other.
   */
  private knownEventLogs(): Promise<{ names: Set<string>; bytes: number }> {
    return (this.eventLogs ??= (async () => {
      const folder = this.local('eventlog');
      const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(
        () => []
      );
      const known = { names: new Set<string>(), bytes: 0 };
      for (const entry of entries.filter(one => one.isFile())) {
        const where = join(entry.parentPath, entry.name);
        known.names.add(nameOf(relative(this.options.directory, where)));
        known.bytes += (await stat(where).catch(() => null))?.size ?? 0;
      }
      return known;
    })());
  }

  private report(path: string, bytes: number): void {
    if (this.reported.has(path) || this.reported.size > this.limits.eventLogs) return;
    this.reported.add(path);
    this.options.onLimit(path, bytes);
  }

  private async openLocal(path: string): Promise<FileHandle> {
    await mkdir(dirname(this.local(path)), { recursive: true, mode: 0o700 });
    return open(this.local(path), 'a', 0o600);
  }

  private local(path: string): string {
    return join(this.options.directory, path);
  }
}

/** Spark renames a log when it is complete. */
const nameOf = (path: string) => path.replace(/\.inprogress$/, '');
const isEventLog = (path: string) => path.startsWith('eventlog/');
