import { watch } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { openEvidence } from './evidence-files.js';

const CHUNK_BYTES = 1 << 16;
/** A file that is not there yet is looked for this often. */
const APPEAR_MS = 25;
/** File systems that do not tell of changes are looked at this often. */
const POLL_MS = 500;

export interface FollowOptions {
  directory: string;
  path: string;
  /** The first byte that is wanted. */
  from: number;
  /** Whether nobody will write any more: then what is there is all. */
  over: AbortSignal;
  /** Whoever wanted it is gone. */
  signal: AbortSignal;
}

/**
 * The bytes of a file from an offset on, then what is appended, as it comes; waits for a file that is not there yet.
 * The next chunk is read when it is asked for, so a slow reader costs one chunk of memory. The file stays open: Spark
 * may rename it under us.
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

/** The bytes that are there now. */
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
  for (;;) {
    // Asked before the look, so that what appeared last of all is found.
    const last = over.aborted;
    const file = await openEvidence(directory, path);
    if (file || last || signal.aborted) return file;
    await sleep(APPEAR_MS, undefined, { signal: AbortSignal.any([over, signal]) }).catch(
      () => undefined
    );
  }
}

async function* bytesOf(file: FileHandle, options: FollowOptions): AsyncGenerator<Buffer> {
  const { directory, path, over, signal } = options;
  let offset = options.from;
  let changed = true;
  let wake = (): void => undefined;
  const ring = (): void => {
    changed = true;
    wake();
  };
  const watcher = watchQuietly(`${directory}/${path}`, ring);
  for (const one of [over, signal]) one.addEventListener('abort', ring);
  try {
    while (!signal.aborted) {
      const last = over.aborted;
      changed = false;
      const before = offset;
      for await (const chunk of readFrom(file, offset, Infinity)) {
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
    for (const one of [over, signal]) one.removeEventListener('abort', ring);
    watcher?.close();
  }
}

function watchQuietly(path: string, ring: () => void) {
  try {
    const watcher = watch(path, ring);
    // No more watches to be had: the poll goes on alone.
    watcher.on('error', () => watcher.close());
    return watcher;
  } catch {
    return null;
  }
}
