import { Buffer } from 'node:buffer';
import { watch, type FSWatcher } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { basename, dirname } from 'node:path';

export interface GrowingOptions {
  /** Ends the reading. */
  signal?: AbortSignal;
  /**
   * Asked when everything so far was read: true if nobody will write any more. What was written before
   * the answer is still delivered, then it ends.
   */
  ended?: () => Promise<boolean>;
  /** Look at the file at least this often (ms), for file systems that do not tell of changes. */
  pollMs?: number;
}

const CHUNK_BYTES = 1 << 18;

/**
 * The bytes of a file that is being written, as they come. Waits for a file that does not exist yet; it stays
 * open, so that Spark may rename it (`.inprogress`) meanwhile. Each chunk is the reader's own.
 * Ends by the signal, without an error (what was written before an abort may then be unread), or by `ended`.
 * @param from offset to begin at, bytes.
 * @throws the file system's error if the file exists and cannot be read.
 */
export async function* growingBytes(
  path: string,
  { signal, ended, pollMs = 500 }: GrowingOptions = {},
  from = 0
): AsyncGenerator<Buffer> {
  const bell = new Bell(path, pollMs, signal);
  let file: FileHandle | null = null;
  try {
    while (!file && !signal?.aborted) {
      file = await openIfThere(path);
      if (!file) await bell.rung();
    }
    if (!file) return;
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    let offset = from;
    let over = false;
    while (!signal?.aborted) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, offset);
      if (bytesRead === 0) {
        if (over) return;
        over = (await ended?.()) ?? false;
        if (!over) await bell.rung();
        continue;
      }
      offset += bytesRead;
      // A copy, because whoever follows a log may keep lines longer than the buffer keeps them.
      yield Buffer.from(buffer.subarray(0, bytesRead));
    }
  } finally {
    bell.close();
    await file?.close();
  }
}

async function openIfThere(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Rings when the file may have changed. The folder is watched: the file may not exist or be renamed. */
class Bell {
  #watcher: FSWatcher | null = null;
  #ringing = false;
  #wake: (() => void) | null = null;
  readonly #path: string;
  readonly #pollMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #ring = (): void => {
    this.#ringing = true;
    this.#wake?.();
  };

  constructor(path: string, pollMs: number, signal: AbortSignal | undefined) {
    this.#path = path;
    this.#pollMs = pollMs;
    this.#signal = signal;
    signal?.addEventListener('abort', this.#ring);
    this.#watch();
  }

  /** Resolves at the next change, or after the poll interval; at once if it rang since the last call. */
  async rung(): Promise<void> {
    if (!this.#watcher) this.#watch();
    if (!this.#ringing) {
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, this.#pollMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = null;
    }
    this.#ringing = false;
  }

  close(): void {
    this.#signal?.removeEventListener('abort', this.#ring);
    this.#watcher?.close();
  }

  #watch(): void {
    const name = basename(this.#path).replace(/\.inprogress$/, '');
    try {
      this.#watcher = watch(dirname(this.#path), (_kind, changed) => {
        if (changed === null || changed.startsWith(name)) this.#ring();
      });
      // No more watches to be had, or the folder went away: the poll goes on alone.
      this.#watcher.on('error', () => {
        this.#watcher?.close();
        this.#watcher = null;
      });
    } catch {
      this.#watcher = null;
    }
  }
}
