import { Buffer } from 'node:buffer';
import type { Bytes } from './codec.js';

/** Reads an exact number of bytes from a stream of chunks. Buffers no more than the requested bytes and one chunk. */
export class ByteQueue {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(bytes: Bytes) {
    this.#chunks = bytes[Symbol.asyncIterator]();
  }

  /** Exactly `length` bytes, valid until the next call; fewer at the end of the stream. */
  async take(length: number): Promise<Buffer> {
    if (this.#rest.length < length) await this.#fill(length);
    const taken = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(taken.length);
    return taken;
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #fill(length: number): Promise<void> {
    const parts: Buffer[] = [Buffer.from(this.#rest)];
    let have = this.#rest.length;
    while (have < length) {
      const result = await this.#chunks.next();
      if (result.done) break;
      const { value } = result;
      // A copy only if the next chunk may overwrite it.
      parts.push(have + value.length < length ? Buffer.from(value) : asBuffer(value));
      have += value.length;
    }
    this.#rest = parts[0]!.length === 0 && parts.length === 2 ? parts[1]! : Buffer.concat(parts);
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
