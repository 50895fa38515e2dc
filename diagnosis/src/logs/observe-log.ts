import { Buffer } from 'node:buffer';
import type { Diagnosis } from '../diagnosis.js';
import { readsEvent } from '../eventlog/read-event.js';
import { Line } from '../eventlog/line-splitter.js';
import { eventName, parseEvent } from '../eventlog/parse-event.js';
import type { LogSource } from './log-source.js';
import { readLog, type ReadOptions } from './read-log.js';

/** Reads a whole log into a diagnosis; what cannot be read is in its `problems`. */
export async function observeLog(
  diagnosis: Diagnosis,
  source: LogSource,
  options: ReadOptions = {}
): Promise<void> {
  let refs = new LineRefs('');
  for await (const { file, lines, problem } of readLog(source, options)) {
    if (refs.file !== file) refs = new LineRefs(file);
    for (const line of lines) observeEventLine(diagnosis, line, refs.of(line.number));
    if (problem) diagnosis.report(`${file}:${problem.line}`, problem.message);
  }
}

const DIGITS = Array.from({ length: 1000 }, (_, i) => String(i).padStart(3, '0'));

/**
 * References such as `events.jsonl:17`. Nearly all are discarded immediately, so they must be cheap: V8 caches each
 * number that is converted to a string, so the heap grows by tens of MiB while reading a long log.
 */
class LineRefs {
  #thousand = -1;
  #prefix = '';

  constructor(readonly file: string) {}

  of(line: number): string {
    const thousand = Math.floor(line / 1000);
    if (thousand === 0) return `${this.file}:${line}`;
    if (thousand !== this.#thousand) this.#prefix = `${this.file}:${thousand}`;
    this.#thousand = thousand;
    return this.#prefix + DIGITS[line % 1000]!;
  }
}

const MIB = 2 ** 20;

/**
 * One line of an event log. Empty lines are ignored; a line that is not JSON is counted as a problem. Bytes are faster
 * than a string: most of a line is never decoded.
 */
export function observeEventLine(
  diagnosis: Diagnosis,
  line: Line | Uint8Array | string,
  ref: string
): void {
  const bytes = bytesOf(line);
  if (line instanceof Line && line.lost > 0 && !isUnneeded(bytes)) {
    const size = Math.round((bytes.length + line.lost) / MIB);
    diagnosis.report(ref, `a line of ${size} MiB is too long to be read`);
    return;
  }
  let event: unknown;
  try {
    event = line instanceof Line && line.lost > 0 ? { Event: eventName(bytes) } : parseEvent(bytes);
  } catch (error) {
    if (!isBlank(bytes)) diagnosis.report(ref, `not JSON: ${(error as Error).message}`);
    return;
  }
  diagnosis.observe({ kind: 'event', event, ref });
}

function bytesOf(line: Line | Uint8Array | string): Buffer {
  if (line instanceof Line) return line.bytes;
  if (typeof line === 'string') return Buffer.from(line);
  return Buffer.from(line.buffer, line.byteOffset, line.byteLength);
}

function isUnneeded(bytes: Buffer): boolean {
  const name = eventName(bytes);
  return name !== null && !readsEvent(name);
}

const isBlank = (bytes: Buffer): boolean => bytes.length < 1000 && bytes.toString().trim() === '';
