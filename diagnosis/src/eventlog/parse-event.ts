import { Buffer } from 'node:buffer';
import { OMITTED_FIELDS, WANTED } from './omitted-fields.js';
import { readsEvent } from './read-event.js';
import { JsonScanner, UNSUPPORTED } from './scan-json.js';

/** Every version of Spark writes the event's name first and without whitespace. */
const HEAD = Buffer.from('{"Event":"');
const NAME_KEY = Buffer.from('"Event"');
const WORDS = Buffer.from(WANTED.words);
const NAME = /^[\w.$]+$/;
const LONGEST_NAME = 200;
const QUOTE = 0x22;
const BRACE_CLOSE = 0x7d;
/** Maximum number of names that are cached; a corrupt log could contain any number. */
const NAMES = 300;

interface Kind {
  name: string;
  bytes: Uint8Array;
  /** Null for events that the diagnosis does not use. */
  scanner: JsonScanner | null;
  /** For lines with the words of `WANTED`; null if no event of this kind has them. */
  wanted: JsonScanner | null;
}

/** Keyed by a hash of the name's bytes. */
const kinds = new Map<number, Kind>();

/**
 * Parses one line as far as `readEvent` uses it: `readEvent(parseEvent(line))` equals `readEvent(JSON.parse(line))` for
 * every line that is JSON. It is faster, because most of a log is not parsed: of an event that the diagnosis does not
 * use only the name, of the others everything except `OMITTED_FIELDS`. When in doubt it parses everything. Corruption
 * inside a part that is not parsed is not detected, unless the end of the line is missing.
 * @throws SyntaxError if the line is not JSON
 */
export function parseEvent(line: Buffer): unknown {
  const kind = kindOf(line);
  if (kind?.scanner) {
    const wanted = kind.wanted && line.includes(WORDS) ? kind.wanted : kind.scanner;
    const event = wanted.scan(line);
    // If a key occurs twice, the last one counts.
    if (event !== UNSUPPORTED && (event as { Event: unknown }).Event === kind.name) return event;
  } else if (kind) {
    const whole = line[line.length - 1] === BRACE_CLOSE;
    if (whole && line.indexOf(NAME_KEY, HEAD.length) < 0) return { Event: kind.name };
  }
  return JSON.parse(line.toString('utf8'));
}

/** The name of a line's event if it is where Spark writes it, otherwise null. Reads only the start of the line. */
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
