import { open, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  findLogs,
  LineSplitter,
  observeEventLine,
  readLog,
  STDIN,
  tail,
  type Diagnosis,
  type Line
} from '@aglais/diagnosis';

/** Logs that cannot be resumed are looked at this often. */
const LOOK_MS = 1_000;

/**
 * Whether lines can be taken from a log as they are written: a plain file, one that is not there
 * yet, or standard input. Compressed logs and directories are read anew when they have grown.
 */
export async function canBeTailed(path: string): Promise<boolean> {
  if (path === STDIN) return true;
  const status = await stat(path).catch(() => null);
  if (!status) return true;
  if (status.isDirectory()) return false;
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read({ length: 1, position: 0 });
    return bytesRead === 0 || buffer.toString('latin1', 0, 1) === '{';
  } finally {
    await file.close();
  }
}

/**
 * Feeds a log that grows into a diagnosis, until the signal (or the end of standard input).
 * Waits for a file that is not there yet.
 * @throws the file system's error if it is there and cannot be read.
 */
export async function tailLog(
  diagnosis: Diagnosis,
  path: string,
  signal: AbortSignal,
  onLine: () => void
): Promise<void> {
  const stop = (): void => void process.stdin.destroy();
  if (path === STDIN) signal.addEventListener('abort', stop);
  try {
    for await (const line of path === STDIN ? standardInputLines() : tail(path, { signal })) {
      if (signal.aborted) return;
      observeEventLine(diagnosis, line, `${path}:${line.number}`);
      onLine();
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/**
 * Reads a log anew, into a new diagnosis, each time that one of its files has grown.
 * @throws the file system's error if it cannot be read.
 */
export async function rereadLog(
  path: string,
  signal: AbortSignal,
  begin: () => Promise<Diagnosis>,
  onRead: (diagnosis: Diagnosis) => void
): Promise<void> {
  let before = '';
  while (!signal.aborted) {
    const sources = await findLogs([path]);
    const now = JSON.stringify(sources.map(({ paths, bytes }) => [paths, bytes]));
    if (now !== before) {
      before = now;
      const diagnosis = await begin();
      const last = sources.at(-1)?.paths.at(-1);
      for (const source of sources) {
        for await (const { file, lines, problem } of readLog(source, { signal })) {
          for (const line of lines) observeEventLine(diagnosis, line, `${file}:${line.number}`);
          // The end of what is being written is always cut off.
          if (problem && file !== last) {
            diagnosis.report(`${file}:${problem.line}`, problem.message);
          }
        }
      }
      if (!signal.aborted) onRead(diagnosis);
    }
    await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
}

async function* standardInputLines(): AsyncGenerator<Line> {
  const splitter = new LineSplitter();
  for await (const chunk of process.stdin) yield* splitter.push(chunk as Uint8Array);
  const rest = splitter.rest();
  if (rest) yield rest;
}
