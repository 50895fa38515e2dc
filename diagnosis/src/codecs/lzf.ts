import { Buffer } from 'node:buffer';
import { ByteQueue } from './byte-queue.js';
import type { Bytes } from './codec.js';
import { TruncatedData, CorruptData } from './corrupt-data.js';
import { copyMatch } from './lz4.js';

/**
 * compress-lzf's LZFOutputStream, Spark's codec `lzf`; no maintained library reads it. Per chunk: "ZV", its type (0
 * uncompressed, 1 compressed), its length and, if compressed, its original length, each 2 bytes, big-endian.
 */
export async function* decodeLzf(bytes: Bytes): AsyncGenerator<Buffer> {
  const queue = new ByteQueue(bytes);
  try {
    for (;;) {
      const head = await queue.take(5);
      if (head.length === 0) return;
      if (head.length < 5) throw new TruncatedData('lzf');
      const kind = head[2]!;
      if (head[0] !== 0x5a || head[1] !== 0x56 || kind > 1)
        throw new CorruptData('not an lzf chunk');
      const length = head.readUInt16BE(3);
      const body = await queue.take(length + 2 * kind);
      if (body.length < length + 2 * kind) throw new TruncatedData('lzf');
      yield kind === 0 ? body : decodeLzfChunk(body.subarray(2), body.readUInt16BE(0));
    }
  } finally {
    await queue.close();
  }
}

/** @throws CorruptData if it does not give exactly `length` bytes */
export function decodeLzfChunk(chunk: Uint8Array, length: number): Buffer {
  const out = Buffer.allocUnsafe(length);
  let from = 0;
  let to = 0;
  const byte = (): number => {
    const value = chunk[from++];
    if (value === undefined) throw new CorruptData('a damaged lzf chunk');
    return value;
  };
  while (from < chunk.length) {
    const control = byte();
    if (control < 32) {
      const literals = control + 1;
      if (from + literals > chunk.length || to + literals > length) {
        throw new CorruptData('a damaged lzf chunk');
      }
      out.set(chunk.subarray(from, from + literals), to);
      from += literals;
      to += literals;
    } else {
      const size = control >>> 5;
      const copied = size === 7 ? byte() + 9 : size + 2;
      to = copyMatch(out, to, (((control & 31) << 8) | byte()) + 1, copied);
    }
  }
  if (to !== length) throw new CorruptData('a damaged lzf chunk');
  return out;
}
