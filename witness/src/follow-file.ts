import { watch } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { openEvidence } from './evidence-files.js';

const CHUNK_BYTES = 1 << 16;
/** The first poll interval for a file that does not exist yet; it grows to the normal one. */
const APPEAR_MS = 25;
/** Poll interval for file systems without change notifications. */
const POLL_MS = 500;

export interface FollowOptions {
  directory: string;
  path: string;
  /** The first byte to read. */
  from: number;
  /** Reading ends before this offset. */
  to: number;
  /** Aborted when the driver has ended, so that the file does not grow any more. */
  over: AbortSignal;
  /** Aborted when the reader is gone. */
  signal: AbortSignal;
}

/**
 * The bytes of a file from an offset on, then what is appended; waits for a file that does not exist yet. The next
 * chunk is read on demand, so a slow reader costs one chunk of memory. The file stays open, because Spark may rename
 * it.
 */
export async function* followFile(options: FollowOptions): AsyncGenerator<Buffer> {
  const file = await appeared(options);
  if (!file) return;
  try {
    yield* bytesOf(file, options);
  } finally {
    await file.close();
  }
}

/** The current bytes. */
export async function* readFrom(file: FileHandle, from: number, to: number) {
  for (let offset = from; offset < to;) {
    const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, to - offset));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, offset);
    if (bytesRead === 0) return;
    offset += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

async function appeared({ directory, path, over, signal }: FollowOptions) {
  for (let ms = APPEAR_MS; ; ms = Math.min(1.01 * ms, POLL_MS)) {
    // Read before the file is opened, so that a file that appears last is still found.
    const last = over.aborted;
    const file = await openEvidence(directory, path);
    if (file || last || signal.aborted) return file;
    await sleep(ms, undefined, { signal: AbortSignal.any([over, signal]) }).catch(() => undefined);
  }
}

async function* bytesOf(file: FileHandle, options: FollowOptions): AsyncGenerator<Buffer> {
  const { directory, path, to, over, signal } = options;
  let offset = options.from;
  let changed = true;
  let wake = (): void => undefined;
  const notify = (): void => {
    changed = true;
    wake();
  };
  const watcher = watchFile(`${directory}/${path}`, notify);
  for (const one of [over, signal]) one.addEventListener('abort', notify);
  try {
    while (!signal.aborted && offset < to) {
      const last = over.aborted;
      changed = false;
      const before = offset;
      for await (const chunk of readFrom(file, offset, to)) {
        if (signal.aborted) return;
        offset += chunk.length;
        yield chunk;
      }
      if (last && offset === before) return;
      if (changed || offset > before) continue;
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, POLL_MS);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  } finally {
    for (const one of [over, signal]) one.removeEventListener('abort', notify);
    watcher?.close();
  }
}

function watchFile(path: string, notify: () => void) {
  try {
    const watcher = watch(path, notify);
    // No watches are left: only polling continues.
    watcher.on('error', () => watcher.close());
    return watcher;
  } catch {
    return null;
  }
}
