import { fields, number, text, type Fields } from '../eventlog/json-fields.js';
import type { ClientObservation } from '../observation.js';

/** The class of a Python or Java exception, and what follows it. */
const THROWN = /^([A-Za-z_][\w.$]*(?:Error|Exception|Interrupt))\b:?\s?(.*)$/;
/** The same anywhere in a line, for tools with their own format of exceptions. */
const NAMED = /\b((?:[a-z_][\w]*\.)*[A-Z][\w]*(?:Error|Exception))\b/;
/** Jupyter colors its tracebacks. */
const COLOURS = new RegExp(`${String.fromCharCode(27)}\\[[\\d;]*m`, 'g');
const KEPT = 4000;
/** Maximum number of exceptions per text; a client's log may hold any number of them. */
const MOST = 200;

/**
 * Exceptions in the text of a traceback: each `Traceback (most recent call last)` ends with an unindented line that
 * names one. A text without any is taken for the output of `str(e)`, if it names an exception at all.
 */
export function readClientText(content: string, ref: string): ClientObservation[] {
  const found: ClientObservation[] = [];
  const lines = content.replaceAll(COLOURS, '').split(/\r?\n/);
  let open = false;
  for (const [index, line] of lines.entries()) {
    if (/Traceback \(most recent call last\)/.test(line)) open = true;
    const thrown = open ? THROWN.exec(line) : null;
    if (!thrown) continue;
    open = false;
    const message = [thrown[2]!, ...lines.slice(index + 1, index + 60)].join('\n');
    found.push(observation(thrown[1]!, message, `${ref}:${index + 1}`));
    if (found.length >= MOST) return found;
  }
  if (found.length > 0) return found;
  const at = lines.findIndex(line => NAMED.test(line) && !/Warning\b/.test(line));
  if (at < 0) return [];
  return [observation(NAMED.exec(lines[at]!)![1]!, lines.slice(at).join('\n'), `${ref}:${at + 1}`)];
}

/**
 * Exceptions in JSON: `{name, message}`, Jupyter's `{ename, evalue}`, or these nested in a list or in the outputs of a
 * notebook's cells.
 */
export function readClientJson(object: Fields, ref: string): ClientObservation[] {
  const found: ClientObservation[] = [];
  const visit = (json: unknown, cell: string | null, run: number | null, depth: number): void => {
    if (depth > 8 || found.length >= MOST) return;
    if (Array.isArray(json)) {
      for (const one of json) visit(one, cell, run, depth + 1);
      return;
    }
    const it = fields(json);
    if (!it) return;
    const own = text(it, 'cell') ?? (text(it, 'cell_type') === null ? cell : text(it, 'id'));
    const count = number(it, 'run') ?? number(it, 'execution_count') ?? run;
    const name = ['name', 'ename', 'exc_type', 'type'].map(key => text(it, key)).find(isThrown);
    const message = ['message', 'evalue', 'exc_str']
      .map(key => text(it, key))
      .find(value => value !== null);
    if (name !== undefined && name !== null && message !== undefined) {
      const one = observation(name, message ?? '', ref);
      found.push({ ...one, cell: own, run: count, at: number(it, 'at') });
      return;
    }
    for (const key of ['cells', 'outputs', 'error', 'errors', 'exception', 'exceptions']) {
      visit(it[key], own, count, depth + 1);
    }
  };
  visit(object, null, null, 0);
  return found;
}

function isThrown(name: string | null): boolean {
  return name !== null && /(?:Error|Exception|Interrupt)$/.test(name);
}

function observation(name: string, message: string, ref: string): ClientObservation {
  return {
    kind: 'client',
    name,
    message: message.trim().slice(0, KEPT),
    cell: null,
    run: null,
    at: null,
    ref
  };
}
