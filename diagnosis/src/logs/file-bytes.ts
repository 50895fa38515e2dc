import { Buffer } from 'node:buffer';
import { open } from 'node:fs/promises';

const CHUNK_BYTES = 1 << 19;

export interface FileRange {
  start?: number;
  /** End offset, exclusive. */
  end?: number;
}

/**
 * The bytes of a file. Each chunk is valid until the next one is requested: two buffers alternate, so that memory use
 * does not depend on the size of the file, and the next chunk is read while this one is processed.
 * @throws the error of the file system
 */
export async function* bytesOfFile(path: string, range: FileRange = {}): AsyncGenerator<Buffer> {
  const file = await open(path, 'r');
  const buffers = [Buffer.allocUnsafeSlow(CHUNK_BYTES), Buffer.allocUnsafeSlow(CHUNK_BYTES)];
  let offset = range.start ?? 0;
  const end = range.end ?? Infinity;
  const read = async (turn: number): Promise<Buffer> => {
    const buffer = buffers[turn % 2]!;
    const length = Math.min(buffer.length, end - offset);
    if (length <= 0) return buffer.subarray(0, 0);
    const { bytesRead } = await file.read(buffer, 0, length, offset);
    offset += bytesRead;
    return buffer.subarray(0, bytesRead);
  };
  let next = read(0);
  try {
    for (let turn = 1; ; turn += 1) {
      const chunk = await next;
      if (chunk.length === 0) return;
      next = read(turn);
      // An error is thrown in the next iteration, if there is one.
      next.catch(() => undefined);
      yield chunk;
    }
  } finally {
    await next.catch(() => undefined);
    await file.close();
  }
}

/** The first bytes of a file; fewer if it is shorter. */
export async function headOfFile(path: string, length: number, start = 0): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const head = Buffer.alloc(length);
    const { bytesRead } = await file.read(head, 0, length, start);
    return head.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
