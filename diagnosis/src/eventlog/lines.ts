import { Buffer } from 'node:buffer';

/** Where to go on reading: everything before `offset` was delivered as `line` lines. */
export interface Position {
  /** Bytes from the beginning of the (uncompressed) stream. */
  offset: number;
  /** Complete lines before the offset. */
  line: number;
}

export const START: Position = { offset: 0, line: 0 };

export interface Line {
  text: string;
  /** From 1. */
  number: number;
  /** The position behind this line: resume here to get the next one. */
  next: Position;
}

const NEWLINE = 0x0a;

/**
 * Cuts a stream of byte chunks into lines. Chunks may be cut anywhere, inside a UTF-8 character too.
 * Memory is bounded by the longest line: bytes of an unfinished line wait until its end comes,
 * and are never searched twice.
 */
export class LineSplitter {
  #waiting: Uint8Array[] = [];
  #position: Position;

  constructor(from: Position = START) {
    this.#position = from;
  }

  /** The lines that this chunk completes, without their LF or CRLF. */
  *push(chunk: Uint8Array): Generator<Line> {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      const tail = bytes.subarray(start, end);
      start = end + 1;
      yield this.#line(tail, 1);
    }
    // A copy: the caller may use its buffer again.
    if (start < bytes.length) this.#waiting.push(Uint8Array.prototype.slice.call(bytes, start));
  }

  /**
   * What is left at the end of a file that does not end with a line break, or null.
   * A live log's last line may be half written: do not call this while the writer lives.
   */
  rest(): Line | null {
    return this.#waiting.length === 0 ? null : this.#line(Buffer.alloc(0), 0);
  }

  #line(tail: Buffer, breakBytes: number): Line {
    const bytes = this.#waiting.length === 0 ? tail : Buffer.concat([...this.#waiting, tail]);
    this.#waiting = [];
    this.#position = {
      offset: this.#position.offset + bytes.length + breakBytes,
      line: this.#position.line + 1
    };
    const withoutCr = bytes.at(-1) === 0x0d ? bytes.subarray(0, -1) : bytes;
    return {
      text: withoutCr.toString('utf8'),
      number: this.#position.line,
      next: this.#position
    };
  }
}
