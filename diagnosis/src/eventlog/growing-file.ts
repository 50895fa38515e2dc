import { Buffer } from 'node:buffer';
import { type FileHandle, open } from 'node:fs/promises';
import { ChangeNotifier } from './change-notifier.js';

export interface GrowingOptions {
  /** Ends the reading. */
  signal?: AbortSignal;
  /**
   * Called when everything so far was read: true if the writer is gone. What was written before the answer is still
   * delivered.
   */
  ended?: () => Promise<boolean>;
  /** Aborted when the answer of `ended` changes: it is then called immediately. */
  over?: AbortSignal;
  /** Poll interval without change notifications, ms. */
  pollMs?: number;
  /** Poll interval in addition to change notifications, which may get lost, ms. */
  watchedPollMs?: number;
  /** Opens the file, or resolves to null while it cannot be read. Default: any kind of file, once it exists. */
  open?: (path: string) => Promise<FileHandle | null>;
}

const CHUNK_BYTES = 1 << 18;

/** Little data arrives at a time at the end of a file, and a thousand files may be followed. */
const TAIL_BYTES = 1 << 14;

/**
 * The bytes of a file that is being written. Waits for a file that does not exist yet; keeps it open, because Spark may
 * rename it (`.inprogress`). Each chunk may be kept by the caller. Ends without an error when aborted (the last bytes
 * may then be unread), or by `ended`.
 * @param from start offset, bytes
 * @throws the error of the file system if the file exists and cannot be read
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
      // Called before the file is opened, so that a file that appears last is still read.
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
      // A copy, because a caller may keep lines for longer than the buffer.
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
