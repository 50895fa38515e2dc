// More than 300 lines: one hot loop over one state; split up it would be slower.
import { Buffer } from 'node:buffer';
import { Expected, Place } from './expected-bytes.js';
import { endOfArray, endOfObject, endOfString } from './json-bytes.js';
import { type Key, PATIENCE, PAUSE, SHORT, SMALL } from './remembered-key.js';

const [QUOTE, BACKSLASH, COMMA, COLON, MINUS] = [0x22, 0x5c, 0x2c, 0x3a, 0x2d];

const [BRACKET_OPEN, BRACKET_CLOSE, BRACE_OPEN, BRACE_CLOSE] = [0x5b, 0x5d, 0x7b, 0x7d];

const [ZERO, NINE, SPACE, ASCII_END] = [0x30, 0x39, 0x20, 0x80];

const [TRUE, FALSE, NULL] = ['true', 'false', 'null'].map(word => Buffer.from(word));

/** Integers with this many digits are exact in a double. */
const EXACT_DIGITS = 15;

/** Maximum number of keys that are cached; job properties could have any number. */
const KEYS = 500;

/** Plans nest an object and an array per operator. */
const DEEPEST = 500;

const NO_BYTES = Buffer.alloc(0);

/** Returned instead of a value: the caller then parses the whole line. */
export const UNSUPPORTED = Symbol('unsupported');

class Unsupported extends Error {}

const unsupported = new Unsupported();

/**
 * Parses the JSON of one kind of event like `JSON.parse`, but omits some keys and their values. Faster than
 * `JSON.parse`, because omitted values are skipped by native searches where possible, and because the keys are
 * predicted from the previous event and only compared. It supports compact JSON, as Spark writes it, and rejects
 * everything else; omitted values are only checked for their end.
 */
export class JsonScanner {
  readonly #cut: ReadonlySet<string>;
  readonly #keys = new Map<string, Key>();
  readonly #root: Key;
  #bytes: Uint8Array = NO_BYTES;
  #line: Buffer = NO_BYTES;
  readonly #place = new Place();
  #at = 0;
  #depth = 0;

  /** @param cut keys to omit, in any object */
  constructor(cut: Iterable<string>) {
    this.#cut = new Set(cut);
    this.#root = this.#newKey('');
  }

  /** The object in this line, or `UNSUPPORTED`. Never throws. */
  scan(line: Buffer): unknown {
    this.#bytes = this.#line = line;
    this.#place.enter(line);
    this.#at = this.#depth = 0;
    try {
      if (line[0] !== BRACE_OPEN) return UNSUPPORTED;
      const object = this.#object(this.#root);
      return this.#at === line.length ? object : UNSUPPORTED;
    } catch (error) {
      if (error instanceof Unsupported) return UNSUPPORTED;
      throw error;
    } finally {
      this.#bytes = this.#line = NO_BYTES;
    }
  }

  #object(parent: Key): Record<string, unknown> {
    const bytes = this.#bytes;
    const place = this.#place;
    const object: Record<string, unknown> = {};
    if ((this.#depth += 1) > DEEPEST) throw unsupported;
    this.#at += 1;
    if (bytes[this.#at] === BRACE_CLOSE) {
      this.#at += 1;
      this.#depth -= 1;
      return object;
    }
    let before: Key | null = null;
    // The hot loop: the position is kept in a local variable, and short calls are inlined.
    let at = this.#at;
    for (;;) {
      if (bytes[at] !== QUOTE) throw unsupported;
      at += 1;
      let key: Key | null = before === null ? parent.first : before.next;
      if (key === null || !key.bytes.isAt(place, at)) {
        this.#at = at;
        key = this.#readKey();
        if (before === null) parent.first = key;
        else before.next = key;
      }
      before = key;
      at += key.bytes.length;
      this.#at = at;
      if (key.cut) this.#skip();
      else object[key.text] = this.#value(key);
      at = this.#at;
      const after = bytes[at];
      at += 1;
      if (after === COMMA) continue;
      if (after !== BRACE_CLOSE) throw unsupported;
      this.#at = at;
      this.#depth -= 1;
      return object;
    }
  }

  #readKey(): Key {
    const end = this.#endOfPlainText();
    const text = this.#line.toString('utf8', this.#at, end);
    const key = this.#keys.get(text) ?? this.#newKey(text);
    // Invalid UTF-8 was replaced.
    if (key.bytes.length !== end + 2 - this.#at || this.#bytes[end + 1] !== COLON)
      throw unsupported;
    // JSON.parse creates a property with this name, an assignment does not.
    if (text === '__proto__') throw unsupported;
    if (this.#keys.size < KEYS) this.#keys.set(text, key);
    return key;
  }

  #newKey(text: string): Key {
    return {
      bytes: new Expected(Buffer.from(`${text}":`)),
      text,
      cut: this.#cut.has(text),
      next: null,
      first: null,
      lastBytes: Expected.NOTHING,
      lastText: '',
      lastObject: null,
      patience: PATIENCE
    };
  }

  #value(key: Key): unknown {
    const bytes = this.#bytes;
    const first = bytes[this.#at]!;
    if ((first >= ZERO && first <= NINE) || first === MINUS) return this.#number(first === MINUS);
    switch (first) {
      case QUOTE:
        return this.#text(key);
      case BRACE_OPEN:
        return this.#objectOrTheLast(key);
      case BRACKET_OPEN:
        return this.#array(key);
      default:
        if (this.#takes(TRUE!)) return true;
        if (this.#takes(FALSE!)) return false;
        if (this.#takes(NULL!)) return null;
        throw unsupported;
    }
  }

  /** Objects with the same bytes are shared: readers do not modify them. */
  #objectOrTheLast(key: Key): Record<string, unknown> {
    const start = this.#at;
    if (key.patience <= 0) {
      key.patience = key.patience <= -PAUSE ? PATIENCE : key.patience - 1;
      return this.#object(key);
    }
    const last = key.lastObject;
    if (last?.bytes.isAt(this.#place, start)) {
      key.patience = PATIENCE;
      this.#at = start + last.bytes.length;
      return last.value;
    }
    key.patience -= 1;
    const value = this.#object(key);
    key.lastObject =
      this.#at - start > SMALL
        ? null
        : { bytes: new Expected(this.#line.subarray(start, this.#at)), value };
    return value;
  }

  #takes(word: Uint8Array): boolean {
    for (let i = 0; i < word.length; i += 1) {
      if (this.#bytes[this.#at + i] !== word[i]) return false;
    }
    this.#at += word.length;
    return true;
  }

  #number(negative: boolean): number {
    const bytes = this.#bytes;
    const start = negative ? this.#at + 1 : this.#at;
    let at = start;
    let value = 0;
    for (;;) {
      const digit = bytes[at]! - ZERO;
      if (!(digit >= 0 && digit <= 9)) break;
      value = value * 10 + digit;
      at += 1;
    }
    const digits = at - start;
    const after = bytes[at];
    const ends = after === COMMA || after === BRACE_CLOSE || after === BRACKET_CLOSE;
    const leadingZero = digits > 1 && bytes[start] === ZERO;
    if (!ends || digits === 0 || digits > EXACT_DIGITS || leadingZero) throw unsupported;
    this.#at = at;
    return negative ? -value : value;
  }

  #text(key: Key): string {
    this.#at += 1;
    if (key.lastText !== '' && key.lastBytes.isAt(this.#place, this.#at)) {
      this.#at += key.lastBytes.length;
      return key.lastText;
    }
    const start = this.#at;
    const bytes = this.#bytes;
    let end = start;
    while (end - start <= SHORT && isPlain(bytes[end])) end += 1;
    if (bytes[end] === QUOTE) {
      // Executor ids alternate, and decoding such short strings is faster than comparing.
      if (end - start <= 2) {
        this.#at = end + 1;
        return shortText(bytes, start, end);
      }
      const text = this.#line.toString('latin1', start, end);
      key.lastBytes = new Expected(this.#line.subarray(start, end + 1));
      key.lastText = text;
      this.#at = end + 1;
      return text;
    }
    // Long, or with escapes or non-ASCII characters.
    end = endOfString(this.#line, start - 1);
    if (end < 0) throw unsupported;
    this.#at = end;
    try {
      return JSON.parse(this.#line.toString('utf8', start - 1, end)) as string;
    } catch {
      throw unsupported;
    }
  }

  /** The end of the string that starts here, if it is plain: no escapes, no control characters. */
  #endOfPlainText(): number {
    let end = this.#at;
    for (;;) {
      const byte = this.#bytes[end];
      if (byte === QUOTE) return end;
      if (byte === undefined || byte === BACKSLASH || byte < SPACE) throw unsupported;
      end += 1;
    }
  }

  #array(key: Key): unknown[] {
    const bytes = this.#bytes;
    const array: unknown[] = [];
    if ((this.#depth += 1) > DEEPEST) throw unsupported;
    this.#at += 1;
    if (bytes[this.#at] === BRACKET_CLOSE) {
      this.#at += 1;
      this.#depth -= 1;
      return array;
    }
    for (;;) {
      array.push(this.#value(key));
      const after = bytes[this.#at];
      this.#at += 1;
      if (after === COMMA) continue;
      if (after !== BRACKET_CLOSE) throw unsupported;
      this.#depth -= 1;
      return array;
    }
  }

  #skip(): void {
    const bytes = this.#bytes;
    switch (bytes[this.#at]) {
      case QUOTE:
        this.#at = endOfString(this.#line, this.#at);
        break;
      case BRACKET_OPEN:
        this.#at = endOfArray(this.#line, this.#at);
        break;
      case BRACE_OPEN:
        this.#at = endOfObject(this.#line, this.#at);
        break;
      default:
        for (;;) {
          const byte = bytes[this.#at];
          if (byte === COMMA || byte === BRACE_CLOSE) return;
          // A number or a literal; neither contains quotes, brackets or whitespace.
          if (byte === undefined || byte === QUOTE || byte <= SPACE) throw unsupported;
          this.#at += 1;
        }
    }
    if (this.#at < 0) throw unsupported;
  }
}

function shortText(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let at = start; at < end; at += 1) text += String.fromCharCode(bytes[at]!);
  return text;
}

function isPlain(byte: number | undefined): boolean {
  return (
    byte !== undefined && byte !== QUOTE && byte !== BACKSLASH && byte >= SPACE && byte < ASCII_END
  );
}
