import { Buffer } from 'node:buffer';
import { ByteQueue } from './byte-queue.js';
import type { Bytes } from './codec.js';
import { TruncatedData, CorruptData } from './corrupt-data.js';
import { copyMatch } from './lz4.js';

/**
 * snappy-java's SnappyOutputStream, as Spark writes it (not Snappy's own frame format): a header of 16 bytes, then
 * blocks, each with its compressed length in 4 bytes, big-endian. In concatenated streams a header takes the place of a
 * length.
 */
export async function* decodeSnappy(bytes: Bytes): AsyncGenerator<Buffer> {
  const queue = new ByteQueue(bytes);
  try {
    for (;;) {
      const head = await queue.take(4);
      if (head.length === 0) return;
      if (head.length < 4) throw new TruncatedData('snappy');
      const length = head.readUInt32BE();
      if (length === MAGIC) {
        if ((await queue.take(HEADER - 4)).length < HEADER - 4) throw new TruncatedData('snappy');
        continue;
      }
      if (length > LARGEST) throw new CorruptData('a snappy block of impossible size');
      const block = await queue.take(length);
      if (block.length < length) throw new TruncatedData('snappy');
      yield decodeSnappyBlock(block);
    }
  } finally {
    await queue.close();
  }
}

/** 0x82 "SNA": the start of the header. */
const MAGIC = 0x82534e41;
const HEADER = 16;
/** SnappyOutputStream.MAX_BLOCK_SIZE is 512 MiB, which is never used in practice; a block is buffered as a whole. */
const LARGEST = 2 ** 28;

/**
 * One Snappy block (github.com/google/snappy, format_description.txt). Implemented here because snappyjs does not
 * detect corrupt input of the wrong length, and other libraries are native.
 * @throws CorruptData if it does not give exactly the number of bytes that it declares
 */
export function decodeSnappyBlock(block: Uint8Array): Buffer {
  let from = 0;
  const byte = (): number => {
    const value = block[from++];
    if (value === undefined) throw new CorruptData('a damaged snappy block');
    return value;
  };
  const littleEndian = (bytes: number): number => {
    let value = 0;
    for (let i = 0; i < bytes; i += 1) value += byte() * 2 ** (8 * i);
    return value;
  };
  let length = 0;
  for (let shift = 0, more = true; more; shift += 7) {
    const next = byte();
    length += (next & 0x7f) * 2 ** shift;
    more = next >= 0x80;
    // A copy of 64 bytes takes 3 bytes, so no block expands more than that.
    if (length > block.length * 22) throw new CorruptData('a snappy block of impossible size');
  }
  const out = Buffer.allocUnsafe(length);
  let to = 0;
  while (from < block.length) {
    const tag = byte();
    const size = tag >>> 2;
    switch (tag & 3) {
      case 0: {
        const literals = 1 + (size < 60 ? size : littleEndian(size - 59));
        if (from + literals > block.length || to + literals > length) {
          throw new CorruptData('a damaged snappy block');
        }
        out.set(block.subarray(from, from + literals), to);
        from += literals;
        to += literals;
        break;
      }
      case 1:
        to = copyMatch(out, to, ((tag >>> 5) << 8) | byte(), (size & 7) + 4);
        break;
      case 2:
        to = copyMatch(out, to, littleEndian(2), size + 1);
        break;
      default:
        to = copyMatch(out, to, littleEndian(4), size + 1);
    }
  }
  if (to !== length) throw new CorruptData('a damaged snappy block');
  return out;
}
