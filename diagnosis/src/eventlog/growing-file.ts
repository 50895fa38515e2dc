import { Buffer } from 'node:buffer';
import { type FileHandle, open } from 'node:fs/promises';
import { ChangeNotifier } from './change-notifier.js';

export interface GrowingOptions {
  /** Ends the reading. */
  signal?: AbortSignal;
  /**
   * Asked when everything so far was read: true if nobody will write any more. What was written before
   * the answer is still delivered, then it ends.
   */
  ended?: () => Promise<boolean>;
  /** Aborted when `ended` has another answer: it is asked at once. */
  over?: AbortSignal;
  /** Where file systems do not tell of changes, look at the file this often (ms). */
  pollMs?: number;
  /** Where they do, look at it this often all the same (ms): they may lose some. */
  watchedPollMs?: number;
  /** Opens the file, or resolves to null while it cannot be read. Default: any kind of file, once it exists. */
  open?: (path: string) => Promise<FileHandle | null>;
}

const CHUNK_BYTES = 1 << 18;

/** At the end of a file little comes at once; there may be a thousand of them. */
const TAIL_BYTES = 1 << 14;

/**
 * The bytes of a file that is being written, as they come. Waits for a file that does not exist yet; it stays
 * open, so that Spark may rename it (`.inprogress`) meanwhile. Each chunk is the reader's own.
 * Ends by the signal, without an error (what was written before an abort may then be unread), or by `ended`.
 * @param from offset to begin at, bytes.
 * @throws the file system's error if the file exists and cannot be read.
 */
export async function* growingBytes(
  path: string,
  options: GrowingOptions = {},
  from = 0
): AsyncGenerator<Buffer> {
  const { signal, ended, over: ends, pollMs = 500, watchedPollMs = pollMs } = options;
  const notifier = new ChangeNotifier(path, { pollMs, watchedPollMs }, [signal, ends]);
  let file: FileHandle | null = null;
  try {
    while (!file && !signal?.aborted) {
      // Asked before the file is opened, so that one that appears last of all is read.
      const last = (await ended?.()) ?? false;
      file = await (options.open ?? openIfExists)(path);
      if (!file && last) return;
      if (!file) await notifier.nextChange();
    }
    if (!file) return;
    let buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    let offset = from;
    let over = false;
    while (!signal?.aborted) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, offset);
      if (bytesRead === 0) {
        if (over) return;
        over = (await ended?.()) ?? false;
        if (over) continue;
        if (buffer.length > TAIL_BYTES) buffer = Buffer.allocUnsafeSlow(TAIL_BYTES);
        await notifier.nextChange();
        continue;
      }
      offset += bytesRead;
      // A copy, because whoever follows a log may keep lines longer than the buffer keeps them.
      yield Buffer.from(buffer.subarray(0, bytesRead));
    }
  } finally {
    notifier.close();
    await file?.close();
  }
}

async function openIfExists(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
