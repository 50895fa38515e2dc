import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  findLogs,
  followLog,
  LineSplitter,
  observeEventLine,
  STDIN,
  type Diagnosis,
  type Line,
  type LogSource
} from '@aglais/diagnosis';

/** Whether a log that is not there yet has come is looked at this often. */
const LOOK_MS = 500;

/**
 * Feeds a log that grows into a diagnosis, until the signal (or the end of standard input, or Spark's
 * word that a rolling log is complete). Waits for a log that is not there yet.
 * @throws the file system's error if it is there and cannot be read, and an error if the path has several logs.
 */
export async function growingLog(
  diagnosis: Diagnosis,
  path: string,
  signal: AbortSignal,
  onLine: () => void
): Promise<void> {
  const stop = (): void => void process.stdin.destroy();
  if (path === STDIN) signal.addEventListener('abort', stop);
  try {
    if (path === STDIN) {
      for await (const line of standardInputLines()) {
        if (signal.aborted) return;
        observeEventLine(diagnosis, line, `${path}:${line.number}`);
        onLine();
      }
      return;
    }
    const source = await waitFor(path, signal);
    if (!source) return;
    for await (const { file, lines, problem } of followLog(source, { signal })) {
      for (const line of lines) observeEventLine(diagnosis, line, `${file}:${line.number}`);
      if (problem) diagnosis.report(`${file}:${problem.line}`, problem.message);
      onLine();
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** The log at a path, as soon as there is one; null if the signal came first. */
async function waitFor(path: string, signal: AbortSignal): Promise<LogSource | null> {
  while (!signal.aborted) {
    const sources = (await isThere(path)) ? await findLogs([path]) : [];
    if (sources.length > 1) {
      throw new Error(`there are ${sources.length} logs in it; name the one to follow`);
    }
    if (sources[0]) return sources[0];
    await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
  return null;
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false;
      throw error;
    }
  );
}

async function* standardInputLines(): AsyncGenerator<Line> {
  const splitter = new LineSplitter();
  for await (const chunk of process.stdin) yield* splitter.push(chunk as Uint8Array);
  const rest = splitter.rest();
  if (rest) yield rest;
}
