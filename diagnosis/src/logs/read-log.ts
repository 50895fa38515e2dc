import { CorruptData } from '../codecs/corrupt-data.js';
import { readsEvent } from '../eventlog/read-event.js';
import { LIMITS, LineSplitter, START, type Line } from '../eventlog/line-splitter.js';
import { eventName } from '../eventlog/parse-event.js';
import { decodedBytes } from './decoded-bytes.js';
import type { LogPart, LogSource } from './log-source.js';

export interface ReadOptions {
  /** Called from time to time with the bytes read from the disk; the total is null if unknown. */
  onProgress?: (bytesRead: number, bytesTotal: number | null) => void;
  /** Ends the reading, without an error. */
  signal?: AbortSignal;
}

/** Some lines of one file. Valid until the next batch is requested. */
export interface LogBatch {
  /** The start of references to these lines. */
  file: string;
  lines: Iterable<Line>;
  /** A part that could not be read, after these lines; the rest of that file is lost. */
  problem: { line: number; message: string } | null;
}

const NONE: Iterable<Line> = [];
/** Lines that are much longer than any that the diagnosis uses are discarded while reading. */
const LINES = { ...LIMITS, wanted: isWanted };

function isWanted(head: Buffer): boolean {
  const name = eventName(head);
  return name === null || readsEvent(name);
}

/**
 * Reads the log of one application from start to end. A corrupt or truncated part is read up to the corruption, which
 * is one problem; a part that cannot be opened is a problem, too, and the others are read. A last line without its line
 * break is delivered, unless corruption truncated it. Memory does not grow with the size of the log.
 */
export async function* readLog(
  source: LogSource,
  options: ReadOptions = {}
): AsyncGenerator<LogBatch> {
  for (const { path, message } of source.problems) {
    yield { file: path, lines: NONE, problem: { line: 0, message } };
  }
  let before = 0;
  for (const part of source.parts) {
    let read = 0;
    yield* readPart(part, options, bytes => {
      read = bytes;
      options.onProgress?.(before + bytes, source.bytes);
    });
    if (options.signal?.aborted) return;
    before += read;
  }
}

async function* readPart(
  part: LogPart,
  { signal }: ReadOptions,
  onRead: (bytes: number) => void
): AsyncGenerator<LogBatch> {
  yield* linesOf(part.path, decodedBytes(part, onRead), signal);
}

/** The lines of decoded bytes, and where decoding failed. */
export async function* linesOf(
  file: string,
  bytes: AsyncIterable<Uint8Array>,
  signal?: AbortSignal
): AsyncGenerator<LogBatch> {
  const splitter = new LineSplitter(START, LINES);
  try {
    for await (const chunk of bytes) {
      if (signal?.aborted) return;
      yield { file, lines: splitter.push(chunk), problem: null };
    }
  } catch (error) {
    // A file that is being written may end anywhere when reading is aborted.
    if (signal?.aborted) return;
    const { line } = splitter.position;
    const message = isReadError(error) ? `cannot be read: ${error.message}` : null;
    if (message === null && !(error instanceof CorruptData)) throw error;
    const told = message ?? `${(error as Error).message}; what follows line ${line} is lost`;
    yield { file, lines: NONE, problem: { line: line + 1, message: told } };
    return;
  }
  if (signal?.aborted) return;
  const rest = splitter.rest();
  if (rest) yield { file, lines: [rest], problem: null };
}

function isReadError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}
