import { Buffer } from 'node:buffer';
import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import type { Bytes } from './codec.js';
import { TruncatedData, CorruptData } from './corrupt-data.js';
import { ZstdFrames } from './zstd-frames.js';

const OUT_BYTES = 1 << 18;
/** Small enough that the inflated data (up to a thousand times as much) does not matter. */
const IN_BYTES = 1 << 15;
/** Step sizes near corrupt data, attempt by attempt, to recover what precedes it. */
const CAREFUL_BYTES = [256, 1];

/** One or several gzip members. */
export function decodeGzip(open: () => Bytes): AsyncGenerator<Buffer> {
  const start = (): Decoder => ({
    engine: zlib.createGunzip({ chunkSize: OUT_BYTES }),
    split: chunk => [chunk],
    complete: () => true
  });
  return decodeAndSave('gzip', open, start);
}

/** The deflated bytes of an entry of a zip file. */
export function decodeDeflate(open: () => Bytes): AsyncGenerator<Buffer> {
  const start = (): Decoder => ({
    engine: zlib.createInflateRaw({ chunkSize: OUT_BYTES }),
    split: chunk => [chunk],
    complete: () => true
  });
  return decodeAndSave('deflate', open, start);
}

/** One or several zstd frames. */
export async function* decodeZstd(open: () => Bytes): AsyncGenerator<Buffer> {
  if (typeof zlib.createZstdDecompress !== 'function') {
    throw new CorruptData('zstd needs Node 22.15 or later');
  }
  const start = (): Decoder => {
    const frames = new ZstdFrames();
    return {
      engine: zlib.createZstdDecompress({ chunkSize: OUT_BYTES }),
      split: chunk => frames.split(chunk),
      complete: () => frames.complete
    };
  };
  yield* decodeAndSave('zstd', open, start);
}

interface Decoder {
  engine: Transform;
  /** Splits a chunk where the decoder needs it. */
  split: (chunk: Buffer) => Iterable<Buffer>;
  /** Whether the input may end here, according to what `split` has seen. */
  complete: () => boolean;
}

/**
 * Decodes; after corruption again, in small steps near it, because the decoders discard the output of the step that
 * failed.
 */
async function* decodeAndSave(
  codec: string,
  open: () => Bytes,
  start: () => Decoder
): AsyncGenerator<Buffer> {
  let delivered = 0;
  let place = 0;
  let first: CorruptData | null = null;
  for (const step of [IN_BYTES, ...CAREFUL_BYTES]) {
    let skip = delivered;
    try {
      for await (const { out, read } of run(codec, open(), start(), place, step)) {
        place = Math.max(place, read);
        const fresh = out.subarray(Math.min(skip, out.length));
        skip -= out.length - fresh.length;
        delivered += fresh.length;
        if (fresh.length > 0) yield fresh;
      }
      if (!first) return;
    } catch (error) {
      if (!(error instanceof CorruptData)) throw error;
      first ??= error;
      if (error instanceof TruncatedData) break;
    }
  }
  throw first!;
}

/**
 * Feeds one decoder. Yields its output and the number of input bytes read so far.
 * @param from input offset from which it is fed `step` bytes at a time
 */
async function* run(
  codec: string,
  bytes: Bytes,
  { engine, split, complete }: Decoder,
  from: number,
  step: number
): AsyncGenerator<{ out: Buffer; read: number }> {
  const given: Buffer[] = [];
  let failure: Error | null = null;
  let ended = false;
  let wake = (): void => undefined;
  engine.on('data', (chunk: Buffer) => given.push(chunk));
  engine.on('error', error => {
    failure = error;
    wake();
  });
  engine.on('end', () => {
    ended = true;
    wake();
  });
  const feed = (give: (done: () => void) => void): Promise<void> =>
    new Promise(resolve => {
      wake = resolve;
      if (failure || ended) resolve();
      else give(resolve);
    });
  const take = (read: number): { out: Buffer; read: number }[] =>
    given.splice(0).map(out => ({ out, read }));
  let read = 0;
  try {
    for await (const chunk of bytes) {
      for (const piece of pieces(chunk, read, from, step)) {
        for (const part of split(piece)) {
          await feed(done => engine.write(part, () => done()));
          yield* take(read);
          if (failure) throw asDamage(codec, failure);
        }
        read += piece.length;
        yield { out: NOTHING, read };
        // What follows the end of the last gzip member is padding.
        if (ended) return;
      }
    }
    if (!complete()) throw new TruncatedData(codec);
    await feed(done => {
      engine.end();
      if (ended) done();
    });
    yield* take(read);
    if (failure) throw asDamage(codec, failure);
  } finally {
    engine.destroy();
  }
}

const NOTHING = Buffer.alloc(0);

function* pieces(chunk: Uint8Array, offset: number, from: number, step: number): Generator<Buffer> {
  const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  for (let at = 0; at < bytes.length;) {
    const before = from - (offset + at);
    const size = before > 0 ? Math.min(before, IN_BYTES) : step;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

function asDamage(codec: string, error: Error): CorruptData {
  if ((error as NodeJS.ErrnoException).code === 'Z_BUF_ERROR') return new TruncatedData(codec);
  return new CorruptData(`damaged ${codec}: ${error.message}`);
}
