import { Buffer } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { codecOf, decode, MAGIC_BYTES, type Bytes } from '../codecs/codec.js';
import { CorruptData } from '../codecs/corrupt-data.js';
import { decodeDeflate } from '../codecs/zlib.js';
import { bytesOfFile } from './file-bytes.js';
import { STDIN, type LogPart } from './log-source.js';

/**
 * The bytes of one part of a log, as Spark wrote them before compression.
 * @param onRead receives the number of bytes read from the disk so far
 * @throws CorruptData after everything before the corrupt data was delivered; the error of the file system
 */
export async function* decodedBytes(
  part: LogPart,
  onRead: (bytes: number) => void = () => undefined
): AsyncGenerator<Uint8Array> {
  if (part.stream) {
    const input = part.file === STDIN ? process.stdin : createReadStream(part.file);
    yield* decoded(counting(replayable(input), onRead));
    return;
  }
  const { entry, file } = part;
  const raw = (): Bytes => bytesOfFile(file, entry ? { start: entry.start, end: entry.end } : {});
  const open = counting(raw, onRead);
  yield* decoded(entry?.deflated ? () => decodeDeflate(open) : open);
}

/**
 * Detects the codec by the first bytes, then decodes. Nested codecs (a zipped lz4) are decoded, too.
 * @param open opens the bytes; called several times
 * @throws CorruptData after everything before the corrupt data was delivered
 */
export async function* decoded(open: () => Bytes): AsyncGenerator<Uint8Array> {
  const codec = codecOf(await head(open));
  if (codec === 'zip') throw new CorruptData('a zip cannot be read here: unpack it first');
  yield* decode(codec, open);
}

async function head(open: () => Bytes): Promise<Uint8Array> {
  let have = Buffer.alloc(0);
  try {
    for await (const chunk of open()) {
      have = Buffer.concat([have, chunk]);
      if (have.length >= MAGIC_BYTES) break;
    }
  } catch (error) {
    // Corrupt from the start: the decoder will report it.
    if (!(error instanceof CorruptData)) throw error;
  }
  return have;
}

function counting(open: () => Bytes, onRead: (bytes: number) => void): () => Bytes {
  let most = 0;
  return async function* () {
    let read = 0;
    for await (const chunk of open()) {
      read += chunk.length;
      if (read > most) onRead((most = read));
      yield chunk;
    }
  };
}

/** A stream that can be opened again as long as little of it was read, to detect its codec. */
function replayable(input: Bytes): () => Bytes {
  const chunks = input[Symbol.asyncIterator]();
  let kept: Uint8Array[] = [];
  let keptBytes = 0;
  let gone = false;
  return async function* () {
    if (gone) throw new CorruptData('standard input cannot be read twice');
    yield* [...kept];
    for (;;) {
      const result = await chunks.next();
      if (result.done) return;
      const { value } = result;
      if (keptBytes < MAGIC_BYTES) {
        kept.push(value);
        keptBytes += value.length;
      } else {
        gone = true;
        kept = [];
      }
      yield value;
    }
  };
}
