import { Buffer } from 'node:buffer';

const WORD = 4;
/** From this length on a native call is faster than comparing words; measured. */
const LONG = 64;
const NOTHING = Buffer.alloc(0);

/** The line that is compared: its memory, also as 32-bit words. */
export class Place {
  line: Buffer = NOTHING;
  view = new DataView<ArrayBufferLike>(NOTHING.buffer);
  /** Offset of the line in the view. */
  base = 0;

  enter(line: Buffer): void {
    this.line = line;
    this.base = line.byteOffset;
    // Lines are slices of few large buffers.
    if (this.view.buffer !== line.buffer) this.view = new DataView(line.buffer);
  }
}

/** Bytes that are expected to occur again. Comparing them is the hot path of reading a log. */
export class Expected {
  static readonly NOTHING = new Expected(NOTHING);

  readonly length: number;
  readonly #bytes: Buffer;
  /** The bytes as words, little-endian; the last word overlaps the one before it. */
  readonly #words: Int32Array;

  /** @param bytes are copied */
  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes);
    this.length = bytes.length;
    const words = bytes.length > LONG ? 0 : Math.ceil(bytes.length / WORD);
    this.#words = new Int32Array(bytes.length < WORD ? 0 : words);
    for (let i = 0; i < this.#words.length; i += 1) {
      this.#words[i] = this.#bytes.readInt32LE(Math.min(i * WORD, bytes.length - WORD));
    }
  }

  /** Whether the line has these bytes at this position. */
  isAt({ line, view, base }: Place, at: number): boolean {
    const { length } = this;
    if (at + length > line.length) return false;
    const words = this.#words;
    const last = words.length - 1;
    if (last >= 0) {
      const from = base + at;
      for (let i = 0; i < last; i += 1) {
        if (view.getInt32(from + i * WORD, true) !== words[i]) return false;
      }
      return view.getInt32(from + length - WORD, true) === words[last];
    }
    if (length > LONG) return line.compare(this.#bytes, 0, length, at, at + length) === 0;
    for (let i = 0; i < length; i += 1) if (line[at + i] !== this.#bytes[i]) return false;
    return true;
  }
}
