import { open, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import {
  LineSplitter,
  linesOf,
  observeEventLine,
  tail,
  type Diagnosis,
  type Line
} from '@aglais/diagnosis';
import type { Unread } from '@aglais/protocol';

/**
 * What the command wants of the readers of logs, and nothing else: one application's log, found and
 * read. All that knows how logs lie on disk is behind this file.
 */
export interface LogSource {
  /** What a person would call it. */
  name: string;
  /** Its files, in their order; `-` is standard input. */
  paths: string[];
  /** Null if nobody can say, as of standard input. */
  bytes: number | null;
}

export interface FoundLogs {
  sources: LogSource[];
  /** Paths where no log could be found, and why. */
  unread: Unread[];
}

export interface ReadOptions {
  /** Called now and then with the bytes read so far. */
  onProgress?: (bytes: number) => void;
  signal?: AbortSignal;
}

/** The logs at these paths, one source for each application. Never throws. */
export async function findLogs(paths: readonly string[]): Promise<FoundLogs> {
  const found: FoundLogs = { sources: [], unread: [] };
  for (const path of paths) {
    try {
      const sources = path === '-' ? [standardInput()] : await logsAt(path);
      if (sources.length === 0)
        found.unread.push({ path, message: 'no event log of Spark is there' });
      found.sources.push(...sources);
    } catch (error) {
      found.unread.push({ path, message: plainError(error) });
    }
  }
  return found;
}

/**
 * Feeds one log into a diagnosis; returns how many lines that were.
 * @throws the file system's error if it cannot be read.
 */
export async function readLog(
  diagnosis: Diagnosis,
  source: LogSource,
  { onProgress, signal }: ReadOptions = {}
): Promise<number> {
  let lines = 0;
  let before = 0;
  for (const path of source.paths) {
    let bytes = 0;
    for await (const line of path === '-' ? standardInputLines() : linesOf(path)) {
      if (signal?.aborted) return lines;
      lines += 1;
      bytes = line.next.offset;
      observeEventLine(diagnosis, line.text, `${path}:${line.number}`);
      if (lines % 256 === 0) onProgress?.(before + bytes);
    }
    before += bytes;
    onProgress?.(before);
  }
  return lines;
}

/**
 * Feeds a log that grows into a diagnosis, until the signal (or the end of standard input).
 * Waits for a file that is not there yet.
 * @throws the file system's error if it is there and cannot be read.
 */
export async function followLog(
  diagnosis: Diagnosis,
  path: string,
  signal: AbortSignal,
  onLine: () => void
): Promise<void> {
  const stop = (): void => void process.stdin.destroy();
  if (path === '-') signal.addEventListener('abort', stop);
  try {
    for await (const line of path === '-' ? standardInputLines() : tail(path, { signal })) {
      if (signal.aborted) return;
      observeEventLine(diagnosis, line.text, `${path}:${line.number}`);
      onLine();
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** The operating system's reason without its codes. */
export function plainError(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOENT':
      return 'there is no such file';
    case 'EACCES':
    case 'EPERM':
      return 'you may not read it';
    case 'EISDIR':
      return 'it is a directory';
    default:
      return message;
  }
}

function standardInput(): LogSource {
  return { name: 'standard input', paths: ['-'], bytes: null };
}

async function* standardInputLines(): AsyncGenerator<Line> {
  const splitter = new LineSplitter();
  for await (const chunk of process.stdin) yield* splitter.push(chunk as Uint8Array);
  const rest = splitter.rest();
  if (rest) yield rest;
}

async function logsAt(path: string): Promise<LogSource[]> {
  const status = await stat(path);
  if (!status.isDirectory()) return [{ name: basename(path), paths: [path], bytes: status.size }];
  const sources: LogSource[] = [];
  for (const name of (await readdir(path)).sort()) {
    const file = join(path, name);
    const entry = await stat(file);
    if (entry.isFile() && (await looksLikeLog(file))) {
      sources.push({ name, paths: [file], bytes: entry.size });
    }
  }
  return sources;
}

async function looksLikeLog(path: string): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read({ length: 9, position: 0 });
    return buffer.subarray(0, bytesRead).toString('utf8') === '{"Event":';
  } finally {
    await file.close();
  }
}
