import { Buffer } from 'node:buffer';
import { OMITTED_FIELDS, WANTED } from './omitted-fields.js';
import { readsEvent } from './read-event.js';
import { JsonScanner, UNSUPPORTED } from './scan-json.js';

/** Every Spark writes the event's name first and without blanks. */
const HEAD = Buffer.from('{"Event":"');
const NAME_KEY = Buffer.from('"Event"');
const WORDS = Buffer.from(WANTED.words);
const NAME = /^[\w.$]+$/;
const LONGEST_NAME = 200;
const QUOTE = 0x22;
const BRACE_CLOSE = 0x7d;
/** Names that are remembered; a damaged log could bring any number. */
const NAMES = 300;

interface Kind {
  name: string;
  bytes: Uint8Array;
  /** Null for events that diagnosis has no use for. */
  scanner: JsonScanner | null;
  /** For lines that have the words of `WANTED`; null if they are in no event of the kind. */
  wanted: JsonScanner | null;
}

/** By a hash of the name's bytes. */
const kinds = new Map<number, Kind>();

/**
 * The JSON of one line as far as `readEvent` looks at it: `readEvent(parseEvent(line))` equals
 * `readEvent(JSON.parse(line))` for every line that is JSON. It is faster, because most of a log
 * is never parsed: an event that diagnosis has no use for is only its name, and of the others
 * what `OMITTED_FIELDS` lists is left out. When in doubt it parses everything. Corruption inside a part
 * that is not parsed is not noticed, unless the line's end is missing.
 * @throws SyntaxError if the line is no JSON.
 */
export function parseEvent(line: Buffer): unknown {
  const kind = kindOf(line);
  if (kind?.scanner) {
    const wanted = kind.wanted && line.includes(WORDS) ? kind.wanted : kind.scanner;
    const event = wanted.scan(line);
    // A name that is said twice may be another in the end.
    if (event !== UNSUPPORTED && (event as { Event: unknown }).Event === kind.name) return event;
  } else if (kind) {
    const whole = line[line.length - 1] === BRACE_CLOSE;
    if (whole && line.indexOf(NAME_KEY, HEAD.length) < 0) return { Event: kind.name };
  }
  return JSON.parse(line.toString('utf8'));
}

/** The name of a line's event if it stands where Spark writes it, else null. Reads only the beginning. */
export function eventName(line: Buffer): string | null {
  return kindOf(line)?.name ?? null;
}

function kindOf(line: Buffer): Kind | null {
  for (let i = 0; i < HEAD.length; i += 1) if (line[i] !== HEAD[i]) return null;
  let hash = 0;
  let end = HEAD.length;
  for (; line[end] !== QUOTE; end += 1) {
    if (end - HEAD.length >= LONGEST_NAME || end >= line.length) return null;
    hash = (Math.imul(hash, 31) + line[end]!) | 0;
  }
  const known = kinds.get(hash);
  return known && isNamed(line, known.bytes, end) ? known : newKind(line, end, hash);
}

function isNamed(line: Buffer, name: Uint8Array, end: number): boolean {
  if (end - HEAD.length !== name.length) return false;
  for (let i = 0; i < name.length; i += 1) if (line[HEAD.length + i] !== name[i]) return false;
  return true;
}

function newKind(line: Buffer, end: number, hash: number): Kind | null {
  const name = line.toString('latin1', HEAD.length, end);
  if (!NAME.test(name)) return null;
  const cut = Object.hasOwn(OMITTED_FIELDS, name) ? OMITTED_FIELDS[name]! : [];
  const scanner = readsEvent(name) ? new JsonScanner(cut) : null;
  const wanted = cut.includes(WANTED.key)
    ? new JsonScanner(cut.filter(key => key !== WANTED.key))
    : null;
  const kind = { name, bytes: Uint8Array.from(Buffer.from(name)), scanner, wanted };
  if (!kinds.has(hash) && kinds.size < NAMES) kinds.set(hash, kind);
  return kind;
}
