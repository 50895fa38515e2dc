import type { Buffer } from 'node:buffer';
import { decodeLz4 } from './lz4.js';
import { decodeLzf } from './lzf.js';
import { decodeSnappy } from './snappy.js';
import { decodeGzip, decodeZstd } from './zlib.js';

/** A stream of chunks; each is valid until the next one is requested. */
export type Bytes = AsyncIterable<Uint8Array>;

export type Codec = 'plain' | 'gzip' | 'zstd' | 'lz4' | 'snappy' | 'lzf' | 'zip';

/** Number of bytes that `codecOf` needs. */
export const MAGIC_BYTES = 8;

const MAGIC: readonly [Codec, readonly number[]][] = [
  ['gzip', [0x1f, 0x8b]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  // lz4-java's LZ4BlockOutputStream: "LZ4Block".
  ['lz4', [...'LZ4Block'].map(letter => letter.charCodeAt(0))],
  // snappy-java's SnappyOutputStream: 0x82 "SNAPPY" 0.
  ['snappy', [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]],
  ['zip', [0x50, 0x4b, 0x03, 0x04]],
  // compress-lzf: "ZV", then the chunk type, 0 or 1.
  ['lzf', [0x5a, 0x56, 0x00]],
  ['lzf', [0x5a, 0x56, 0x01]]
];

/** Detects the codec by the first bytes. File names are not reliable: users rename files. */
export function codecOf(head: Uint8Array): Codec {
  // A zstd stream may start with a skippable frame: 0x184D2A50 to …5F.
  if (head.length >= 4 && (head[0]! & 0xf0) === 0x50 && head[1] === 0x2a && head[2] === 0x4d) {
    if (head[3] === 0x18) return 'zstd';
  }
  return MAGIC.find(([, magic]) => magic.every((byte, i) => head[i] === byte))?.[0] ?? 'plain';
}

/** Whether more bytes may still reveal a codec; for a file that is being written. */
export function mayBeCodec(head: Uint8Array): boolean {
  if (head.length >= MAGIC_BYTES) return false;
  const skippable = (head[0]! & 0xf0) === 0x50;
  return (
    skippable || MAGIC.some(([, magic]) => magic.every((byte, i) => (head[i] ?? byte) === byte))
  );
}

/**
 * The decompressed bytes.
 * @param open opens the compressed bytes; called again after corruption, to recover what precedes it
 * @throws CorruptData after everything before the corrupt data was delivered
 */
export function decode(
  codec: Exclude<Codec, 'zip'>,
  open: () => Bytes
): Bytes | AsyncGenerator<Buffer> {
  switch (codec) {
    case 'plain':
      return open();
    case 'gzip':
      return decodeGzip(open);
    case 'zstd':
      return decodeZstd(open);
    case 'lz4':
      return decodeLz4(open());
    case 'snappy':
      return decodeSnappy(open());
    case 'lzf':
      return decodeLzf(open());
  }
}
