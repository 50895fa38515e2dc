import { fields, list, text, type Fields } from '../eventlog/json-fields.js';

/** A JSON object in a text, with the line on which it starts. */
export interface Found {
  object: Fields;
  line: number;
}

export interface Damaged {
  problem: string;
  line: number;
}

/**
 * The JSON objects that follow each other in a text, as `kubectl … -w -o json` writes them, with or without line breaks
 * between them. A corrupt one is reported, and reading continues with the next object at the start of a line: what is
 * inside of objects is indented or on the same line.
 */
export function* objectsOf(content: string): Generator<Found | Damaged> {
  let line = 1;
  let at = 0;
  // After an object without an end, an object at the start of a line is taken to be the next one: otherwise the text
  // would be searched to its end for every corrupt object.
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
 * Kubernetes objects: the items of a `List`, the object of a watch event (`{type, object}`). Depth is bounded, because
 * only an attacker nests lists deeper.
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
      // The API omits the kind of the items of a PodList.
      if (one) yield* kubernetesObjects({ kind: itemKind, ...one }, depth + 1);
    }
  } else {
    yield object;
  }
}

/** The end of the object that starts at `start`; -1 if it has none. */
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
    // JSON has no raw line breaks in strings: the end of this one is missing.
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
