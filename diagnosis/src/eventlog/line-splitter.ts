import { Buffer } from 'node:buffer';

/** Where to go on reading: everything before `offset` was delivered as `line` lines. */
export interface Position {
  /** Bytes from the beginning of the (uncompressed) stream. */
  offset: number;
  /** Complete lines before the offset. */
  line: number;
}

export const START: Position = { offset: 0, line: 0 };

/** One line without its LF or CRLF. Its bytes are its source's: good until the source is asked for more. */
export class Line {
  constructor(
    readonly bytes: Buffer,
    /** From 1. */
    readonly number: number,
    /** Offset behind the line and its line break. */
    readonly end: number,
    /** Bytes of the line that were let go, because it is longer than anybody can keep. */
    readonly lost = 0
  ) {}

  get text(): string {
    return this.bytes.toString('utf8');
  }

  /** The position behind this line: resume here to get the next one. */
  get next(): Position {
    return { offset: this.end, line: this.number };
  }
}

export interface LineLimits {
  /** Most bytes that are kept of one line. */
  longest: number;
  /** Asked once about a line that grows beyond `long` bytes, with its beginning: false lets the rest go. */
  long: number;
  wanted: (head: Buffer) => boolean;
}

/** Plans of more than 100 MB were seen; V8 has no strings over 512 MiB, and a copy is needed to join. */
export const LIMITS: LineLimits = { longest: 2 ** 28, long: 2 ** 20, wanted: () => true };

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const NOTHING = Buffer.alloc(0);

/**
 * Cuts a stream of byte chunks into lines. Chunks may be cut anywhere, inside a UTF-8 character too.
 * Memory is bounded by the longest line, and that by the limits: bytes of an unfinished line wait
 * until its end comes, and are never searched twice.
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

  /** The place behind the last line that was delivered. */
  get position(): Position {
    return { offset: this.#offset, line: this.#line };
  }

  /** The lines that this chunk completes; they are views of the chunk where that is possible. */
  *push(chunk: Uint8Array): Generator<Line> {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      const tail = bytes.subarray(start, end);
      start = end + 1;
      yield this.#finish(tail, 1);
    }
    // A copy: the caller may use its buffer again.
    if (start < bytes.length) this.#wait(Buffer.from(bytes.subarray(start)));
  }

  /**
   * What is left at the end of a file that does not end with a line break, or null.
   * A live log's last line may be half written: do not call this while the writer lives.
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
