import type { Buffer } from 'node:buffer';
import { CorruptData } from './corrupt-data.js';

const FRAME = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;

type Part = 'magic' | 'skip-size' | 'descriptor' | 'header' | 'block' | 'body' | 'checksum';

/**
 * Finds the ends of zstd frames (RFC 8878, section 3.1) without decompressing them. Spark ends a frame at each flush,
 * and Node's decoder drops what follows a frame in the same write (nodejs/node#64741).
 */
export class ZstdFrames {
  #part: Part = 'magic';
  #need = 4;
  #field: number[] = [];
  #lastBlock = false;
  #checksum = false;

  /** Whether the input so far ends at the end of a frame. */
  get complete(): boolean {
    return this.#part === 'magic' && this.#field.length === 0;
  }

  /**
   * Splits the chunk at the ends of frames.
   * @throws CorruptData after the pieces before it, if no frame starts where one must
   */
  *split(chunk: Buffer): Generator<Buffer> {
    let from = 0;
    let at = 0;
    while (at < chunk.length) {
      if (this.#part === 'body' || this.#part === 'checksum') {
        const step = Math.min(this.#need, chunk.length - at);
        this.#need -= step;
        at += step;
      } else {
        this.#field.push(chunk[at]!);
        at += 1;
        this.#need -= 1;
      }
      // A part may be followed by empty parts.
      while (this.#need === 0) {
        let ended;
        try {
          ended = this.#next();
        } catch (error) {
          // The bytes of an invalid magic number are not delivered.
          if (at - 4 > from) yield chunk.subarray(from, at - 4);
          throw error;
        }
        if (ended) {
          yield chunk.subarray(from, at);
          from = at;
        }
      }
    }
    if (from < chunk.length) yield chunk.subarray(from);
  }

  /** Moves to the next part; true if a frame has just ended. */
  #next(): boolean {
    const field = this.#field;
    this.#field = [];
    switch (this.#part) {
      case 'magic': {
        const magic = littleEndian(field);
        if (magic === FRAME) this.#expect('descriptor', 1);
        else if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE) this.#expect('skip-size', 4);
        else throw new CorruptData('damaged: no zstd frame where one must begin');
        return false;
      }
      case 'skip-size':
        this.#lastBlock = true;
        this.#checksum = false;
        this.#expect('body', littleEndian(field));
        return false;
      case 'descriptor': {
        const descriptor = field[0]!;
        const single = (descriptor & 0x20) !== 0;
        this.#checksum = (descriptor & 4) !== 0;
        const sizeBytes = [single ? 1 : 0, 2, 4, 8][descriptor >>> 6]!;
        const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]!;
        this.#expect('header', sizeBytes + dictionaryBytes + (single ? 0 : 1));
        return false;
      }
      case 'header':
        this.#expect('block', 3);
        return false;
      case 'block': {
        const header = littleEndian(field);
        this.#lastBlock = (header & 1) !== 0;
        const runLength = ((header >>> 1) & 3) === 1;
        this.#expect('body', runLength ? 1 : header >>> 3);
        return false;
      }
      case 'body':
        if (!this.#lastBlock) this.#expect('block', 3);
        else if (this.#checksum) this.#expect('checksum', 4);
        else return this.#end();
        return false;
      case 'checksum':
        return this.#end();
    }
  }

  #end(): true {
    this.#expect('magic', 4);
    return true;
  }

  #expect(part: Part, bytes: number): void {
    this.#part = part;
    this.#need = bytes;
  }
}

function littleEndian(bytes: readonly number[]): number {
  return bytes.reduce((sum, byte, i) => sum + byte * 2 ** (8 * i), 0);
}
