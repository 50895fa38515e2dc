import { Buffer } from 'node:buffer';
import { ByteQueue } from './byte-queue.js';
import type { Bytes } from './codec.js';
import { TruncatedData, CorruptData } from './corrupt-data.js';

/**
 * lz4-java's LZ4BlockOutputStream, as Spark writes it; no library reads this framing. Per block: "LZ4Block", a token
 * (method | level), compressed and original length and a checksum, each 4 bytes, little-endian. A block of length 0
 * ends a stream; another stream may follow. The checksum is not verified: a corrupt block fails in decoding or by its
 * length, or appears as a line that is not JSON.
 */
export async function* decodeLz4(bytes: Bytes): AsyncGenerator<Buffer> {
  const queue = new ByteQueue(bytes);
  let ended = false;
  try {
    for (;;) {
      const head = await queue.take(HEADER);
      if (head.length === 0 && ended) return;
      if (head.length < HEADER) throw new TruncatedData('lz4');
      if (head.toString('latin1', 0, MAGIC.length) !== MAGIC)
        throw new CorruptData('not an lz4 block');
      const method = head[MAGIC.length]! & 0xf0;
      const packed = head.readUInt32LE(MAGIC.length + 1);
      const length = head.readUInt32LE(MAGIC.length + 5);
      if (packed > LARGEST || length > LARGEST)
        throw new CorruptData('an lz4 block of impossible size');
      ended = length === 0;
      if (ended && packed === 0) continue;
      const block = await queue.take(packed);
      if (block.length < packed) throw new TruncatedData('lz4');
      if (method === RAW) yield block;
      else if (method === LZ4) yield decodeLz4Block(block, length);
      else throw new CorruptData(`an lz4 block of unknown method ${method}`);
    }
  } finally {
    await queue.close();
  }
}

const MAGIC = 'LZ4Block';
const HEADER = MAGIC.length + 13;
const [RAW, LZ4] = [0x10, 0x20];
/** LZ4BlockOutputStream.MAX_BLOCK_SIZE. */
const LARGEST = 2 ** 25;

/**
 * One LZ4 block (github.com/lz4/lz4, doc/lz4_Block_format.md). Implemented here because the libraries for it are either
 * native or do not check the bounds of corrupt input.
 * @throws CorruptData if it does not give exactly `length` bytes
 */
export function decodeLz4Block(block: Uint8Array, length: number): Buffer {
  // One byte lengthens a copy by at most 255, so no block expands more than that.
  if (length > block.length * 256) throw new CorruptData('an lz4 block of impossible size');
  const out = Buffer.allocUnsafe(length);
  let from = 0;
  let to = 0;
  const extended = (nibble: number): number => {
    let value = nibble;
    if (nibble === 15) {
      let more;
      do {
        more = block[from++];
        if (more === undefined) throw new CorruptData('a damaged lz4 block');
        value += more;
      } while (more === 255);
    }
    return value;
  };
  while (from < block.length) {
    const token = block[from++]!;
    const literals = extended(token >>> 4);
    if (from + literals > block.length || to + literals > length) {
      throw new CorruptData('a damaged lz4 block');
    }
    out.set(block.subarray(from, from + literals), to);
    from += literals;
    to += literals;
    if (from === block.length) break;
    const distance = block[from]! | ((block[from + 1] ?? 0) << 8);
    from += 2;
    to = copyMatch(out, to, distance, extended(token & 15) + 4);
  }
  if (to !== length) throw new CorruptData('a damaged lz4 block');
  return out;
}

/** Copies from `distance` bytes back; source and target may overlap. Returns the new end. */
export function copyMatch(out: Buffer, to: number, distance: number, length: number): number {
  if (distance === 0 || distance > to || to + length > out.length) {
    throw new CorruptData('a damaged block: it repeats what is not there');
  }
  if (distance >= length && length > 16) {
    out.copyWithin(to, to - distance, to - distance + length);
  } else {
    for (let i = 0; i < length; i += 1) out[to + i] = out[to + i - distance]!;
  }
  return to + length;
}
