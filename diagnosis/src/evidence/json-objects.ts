import { fields, list, text, type Fields } from '../eventlog/json-fields.js';

/** A JSON object of a text, with the line on which it begins. */
export interface Found {
  object: Fields;
  line: number;
}

export interface Damaged {
  problem: string;
  line: number;
}

/**
 * The JSON objects that follow each other in a text, as `kubectl … -w -o json` writes them, with or
 * without line breaks between them. A damaged one is told, and the next one that begins at the
 * beginning of a line is found again: what is inside of objects is indented or on the same line.
 */
export function* objectsOf(content: string): Generator<Found | Damaged> {
  let line = 1;
  let at = 0;
  // Once an object never ends, an object at the beginning of a line is taken to be the next one:
  // else every damaged one would be searched to the end of the text.
  let strict = false;
  while (at < content.length) {
    const char = content[at]!;
    if (char === '\n') line += 1;
    if (/\s|\ufeff/.test(char)) {
      at += 1;
      continue;
    }
    const end = char === '{' ? endOf(content, at, strict) : -1;
    const object = end < 0 ? null : parse(content.slice(at, end));
    if (object) {
      yield { object, line };
      line += breaksIn(content, at, end);
      at = end;
      continue;
    }
    yield { problem: 'not JSON, or cut off', line };
    strict = true;
    const next = content.indexOf('\n{', at);
    if (next < 0) return;
    line += breaksIn(content, at, next);
    at = next;
  }
}

/**
 * Kubernetes objects: of a `List` its items, of a watch event (`{type, object}`) its object.
 * Depth is bounded, for lists of lists are nobody's but an attacker's.
 */
export function* kubernetesObjects(object: Fields, depth = 0): Generator<Fields> {
  if (depth > 3) return;
  const kind = text(object, 'kind') ?? '';
  const inner = fields(object['object']);
  if (inner && text(object, 'type') !== null && kind === '') {
    yield* kubernetesObjects(inner, depth + 1);
  } else if (Array.isArray(object['items'])) {
    const itemKind = kind.replace(/List$/, '');
    for (const item of list(object, 'items')) {
      const one = fields(item);
      // The API leaves the kind out of the items of a PodList.
      if (one) yield* kubernetesObjects({ kind: itemKind, ...one }, depth + 1);
    }
  } else {
    yield object;
  }
}

/** Where the object that begins at `start` ends; -1 if it never does. */
function endOf(content: string, start: number, strict: boolean): number {
  const mark = /["{}[\]]/g;
  let depth = 0;
  mark.lastIndex = start;
  for (let found = mark.exec(content); found; found = mark.exec(content)) {
    const char = found[0];
    if (char === '"') {
      const end = endOfString(content, found.index);
      if (end < 0) return -1;
      mark.lastIndex = end;
    } else if (char === '{' || char === '[') {
      if (strict && depth > 0 && char === '{' && content[found.index - 1] === '\n') return -1;
      depth += 1;
    } else {
      depth -= 1;
      if (depth === 0) return found.index + 1;
    }
  }
  return -1;
}

function endOfString(content: string, start: number): number {
  for (let at = start + 1; at < content.length; at += 1) {
    const code = content.charCodeAt(at);
    if (code === 0x5c) at += 1;
    else if (code === 0x22) return at + 1;
    // JSON has no bare line breaks in strings: this one lost its end.
    else if (code === 0x0a) return -1;
  }
  return -1;
}

function parse(json: string): Fields | null {
  try {
    return fields(JSON.parse(json));
  } catch {
    return null;
  }
}

function breaksIn(content: string, from: number, to: number): number {
  let count = 0;
  for (let at = content.indexOf('\n', from); at >= 0 && at < to; at = content.indexOf('\n', at + 1))
    count += 1;
  return count;
}
