import { constants, createWriteStream } from 'node:fs';
import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';

/**
 * Opens a file that user code could have replaced. A pipe would block a thread of the server forever, a device has no
 * end, and a link may lead outside of the directory: they count as missing, like unreadable files.
 */
export async function openPlainFile(path: string): Promise<FileHandle | null> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch(() => null);
  if (!file) return null;
  try {
    if ((await file.stat()).isFile()) return file;
  } catch {
    // Closed below.
  }
  await file.close();
  return null;
}

/**
 * The text of a small file, at most `maxBytes` of it; null if it is missing or not a regular file.
 * @param from start offset, given the size of the file in bytes; default: 0
 */
export async function readPlainText(
  path: string,
  maxBytes: number,
  from: (size: number) => number = () => 0
): Promise<string | null> {
  const file = await openPlainFile(path);
  if (!file) return null;
  try {
    const { size } = await file.stat();
    const start = from(size);
    const bytes = Buffer.alloc(Math.max(0, Math.min(size - start, maxBytes)));
    const { bytesRead } = await file.read(bytes, 0, bytes.length, start);
    return bytes.subarray(0, bytesRead).toString('utf8');
  } catch {
    return null;
  } finally {
    await file.close();
  }
}

/**
 * Copies a log, at most `maxBytes` of it, because a sparse file would use its full size. Does nothing if it is not a
 * regular file.
 */
export async function copyPlainFile(from: string, to: string, maxBytes: number): Promise<void> {
  const file = await openPlainFile(from);
  if (!file) return;
  await mkdir(dirname(to), { recursive: true, mode: 0o700 });
  const bytes = file.createReadStream({ end: maxBytes - 1 });
  await pipeline(bytes, createWriteStream(to, { mode: 0o600 }));
}
