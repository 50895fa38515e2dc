import { Buffer } from 'node:buffer';

const WORD = 4;
/** From here on a call into native code costs less than comparing word by word; measured. */
const LONG = 64;
const NOTHING = Buffer.alloc(0);

/** Where comparing happens: one line, whose memory is seen as words too. */
export class Place {
  line: Buffer = NOTHING;
  view = new DataView<ArrayBufferLike>(NOTHING.buffer);
  /** Of the line in the view. */
  base = 0;

  enter(line: Buffer): void {
    this.line = line;
    this.base = line.byteOffset;
    // Lines are cut from few large buffers.
    if (this.view.buffer !== line.buffer) this.view = new DataView(line.buffer);
  }
}

/** Bytes that are expected to come again. Comparing them is the hot part of reading a log. */
export class Expected {
  static readonly NOTHING = new Expected(NOTHING);

  readonly length: number;
  readonly #bytes: Buffer;
  /** The bytes as words, least significant byte first; the last overlaps the one before it. */
  readonly #words: Int32Array;

  /** @param bytes are copied. */
  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes);
    this.length = bytes.length;
    const words = bytes.length > LONG ? 0 : Math.ceil(bytes.length / WORD);
    this.#words = new Int32Array(bytes.length < WORD ? 0 : words);
    for (let i = 0; i < this.#words.length; i += 1) {
      this.#words[i] = this.#bytes.readInt32LE(Math.min(i * WORD, bytes.length - WORD));
    }
  }

  /** Whether these bytes stand there in the line. */
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
