import { Buffer } from 'node:buffer';

/** Where to resume: everything before `offset` was delivered as `line` lines. */
export interface Position {
  /** Bytes from the start of the (uncompressed) stream. */
  offset: number;
  /** Number of complete lines before the offset. */
  line: number;
}

export const START: Position = { offset: 0, line: 0 };

/** One line without its LF or CRLF. Its bytes belong to the source: valid until the next chunk is requested. */
export class Line {
  constructor(
    readonly bytes: Buffer,
    /** From 1. */
    readonly number: number,
    /** Offset after the line and its line break. */
    readonly end: number,
    /** Number of bytes that were discarded because the line is too long to keep. */
    readonly lost = 0
  ) {}

  get text(): string {
    return this.bytes.toString('utf8');
  }

  /** The position after this line, to resume with the next one. */
  get next(): Position {
    return { offset: this.end, line: this.number };
  }
}

export interface LineLimits {
  /** Maximum number of bytes that are kept of one line. */
  longest: number;
  /** Called once for a line longer than `long` bytes, with its start: false discards the rest. */
  long: number;
  wanted: (head: Buffer) => boolean;
}

/** Plans of more than 100 MB exist; V8 has no strings over 512 MiB, and joining needs a copy. */
export const LIMITS: LineLimits = { longest: 2 ** 28, long: 2 ** 20, wanted: () => true };

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const NOTHING = Buffer.alloc(0);

/**
 * Splits a stream of byte chunks into lines. Chunks may be split anywhere, even inside a UTF-8 character. Memory is
 * bounded by the limits for the longest line: the bytes of an unfinished line are buffered until its end arrives, and
 * are searched only once.
 */
export class LineSplitter {
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #lost = 0;
  #asked = false;
  #discarding = false;
  #offset: number;
  #line: number;
  readonly #limits: LineLimits;

  constructor(from: Position = START, limits: LineLimits = LIMITS) {
    this.#offset = from.offset;
    this.#line = from.line;
    this.#limits = limits;
  }

  /** The position after the last line that was delivered. */
  get position(): Position {
    return { offset: this.#offset, line: this.#line };
  }

  /** The lines that this chunk completes; views of the chunk where possible. */
  *push(chunk: Uint8Array): Generator<Line> {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      const tail = bytes.subarray(start, end);
      start = end + 1;
      yield this.#finish(tail, 1);
    }
    // A copy: the caller may reuse its buffer.
    if (start < bytes.length) this.#wait(Buffer.from(bytes.subarray(start)));
  }

  /**
   * The rest of a file that does not end with a line break, or null. The last line of a live log may be incomplete: do
   * not call this while its writer is running.
   */
  rest(): Line | null {
    return this.#waitingBytes + this.#lost === 0 ? null : this.#finish(NOTHING, 0);
  }

  #wait(part: Buffer): void {
    const room = this.#discarding ? 0 : this.#limits.longest - this.#waitingBytes;
    if (part.length > room) {
      this.#discarding = true;
      this.#lost += part.length;
      return;
    }
    this.#waiting.push(part);
    this.#waitingBytes += part.length;
    if (this.#asked || this.#waitingBytes <= this.#limits.long) return;
    this.#asked = true;
    this.#waiting = [Buffer.concat(this.#waiting)];
    this.#discarding = !this.#limits.wanted(this.#waiting[0]!);
  }

  #finish(tail: Buffer, breakBytes: number): Line {
    let bytes = tail;
    this.#offset += this.#waitingBytes + this.#lost + tail.length + breakBytes;
    this.#line += 1;
    if (this.#waitingBytes > 0) {
      if (!this.#discarding) this.#waiting.push(tail);
      else this.#lost += tail.length;
      bytes = this.#waiting.length === 1 ? this.#waiting[0]! : Buffer.concat(this.#waiting);
    }
    if (bytes.at(-1) === CARRIAGE_RETURN) bytes = bytes.subarray(0, -1);
    const line = new Line(bytes, this.#line, this.#offset, this.#lost);
    this.#waiting = [];
    this.#waitingBytes = this.#lost = 0;
    this.#asked = this.#discarding = false;
    return line;
  }
}
