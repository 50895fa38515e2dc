import { Buffer } from 'node:buffer';
import { BULKY, type Bulky } from './bulk.js';
import { readsEvent } from './event.js';
import { endOfValue } from './json-bytes.js';

/** Every Spark writes the event's name first and without blanks. */
const HEAD = '{"Event":"';
const HEAD_BYTES = Buffer.from(HEAD);
const NAME_KEY = Buffer.from('"Event"');
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BRACE_CLOSE = 0x7d;
const LONGEST_NAME = 200;

interface Needle {
  bytes: Buffer;
  kind: Bulky['kind'];
}

const NEEDLES = new Map<string, readonly Needle[]>(
  Object.entries(BULKY).map(([event, bulky]) => [
    event,
    bulky.map(({ key, kind }) => ({ bytes: Buffer.from(`"${key}":${opening(kind)}`), kind }))
  ])
);

function opening(kind: Bulky['kind']): string {
  return { array: '[', string: '"', object: '{' }[kind];
}

/**
 * The JSON of one line as far as `readEvent` looks at it: `readEvent(parseEvent(line))` equals
 * `readEvent(JSON.parse(line))` for every line that is JSON. It is faster, because most of a log
 * is never parsed: an event that diagnosis has no use for is only its name, and of the others
 * what `BULKY` lists is cut out as bytes. When in doubt it parses everything. Damage inside a part
 * that is not parsed is not noticed, unless the line's end is missing.
 * @throws SyntaxError if the line is no JSON.
 */
export function parseEvent(line: Buffer): unknown {
  const name = eventName(line);
  if (name === null) return JSON.parse(line.toString('utf8'));
  if (!readsEvent(name)) {
    const sound = line[line.length - 1] === BRACE_CLOSE && line.indexOf(NAME_KEY, HEAD.length) < 0;
    return sound ? { Event: name } : JSON.parse(line.toString('utf8'));
  }
  return JSON.parse(withoutBulk(line, NEEDLES.get(name) ?? []));
}

/** The name of a line's event if it stands where Spark writes it, else null. Reads only the beginning. */
export function eventName(line: Buffer): string | null {
  if (line.length < HEAD.length || line.compare(HEAD_BYTES, 0, HEAD.length, 0, HEAD.length) !== 0) {
    return null;
  }
  const end = line.indexOf(QUOTE, HEAD.length);
  if (end < 0 || end - HEAD.length > LONGEST_NAME) return null;
  const name = line.toString('latin1', HEAD.length, end);
  return NAME.test(name) ? name : null;
}

const NAME = /^[\w.$]+$/;

/**
 * Why a hit is a key and not a part of some text: inside a JSON string each quote has a backslash
 * before it, and a quote that ends a string is never followed by a letter. So in valid JSON an
 * unescaped quote before a letter opens a string, and `":` after it makes it a key.
 */
function withoutBulk(line: Buffer, cuts: readonly Needle[]): string {
  let text = '';
  let kept = 0;
  if (cuts.length === 0) return line.toString('utf8');
  const found = cuts.map(({ bytes }) => line.indexOf(bytes));
  for (;;) {
    let first = -1;
    for (let i = 0; i < found.length; i += 1) {
      if (found[i]! >= 0 && (first < 0 || found[i]! < found[first]!)) first = i;
    }
    if (first < 0) break;
    const { bytes, kind } = cuts[first]!;
    const at = found[first]!;
    const open = at + bytes.length - 1;
    let next = open;
    if (at >= kept && line[at - 1] !== BACKSLASH) {
      const end = endOfValue(line, open, kind);
      // No end: the line is cut off. The parser will say so.
      if (end < 0) break;
      text += line.toString('utf8', kept, open + 1);
      kept = next = end - 1;
    }
    found[first] = line.indexOf(bytes, next);
  }
  return kept === 0 ? line.toString('utf8') : text + line.toString('utf8', kept);
}
