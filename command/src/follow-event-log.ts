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

/** How often to check whether a missing log exists, ms. */
const POLL_MS = 500;

/**
 * Reads a growing log into a diagnosis, until the signal, the end of standard input, or the end of a complete
 * rolling log. Waits for a log that does not exist yet.
 * @throws the file system's error if it exists and cannot be read; an error if the path contains several logs
 */
export async function followEventLog(
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

/** The log at a path, as soon as it exists; null if the signal came first. */
async function waitFor(path: string, signal: AbortSignal): Promise<LogSource | null> {
  while (!signal.aborted) {
    const sources = (await exists(path)) ? await findLogs([path]) : [];
    if (sources.length > 1) {
      throw new Error(`it contains ${sources.length} logs; specify the one to follow`);
    }
    if (sources[0]) return sources[0];
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
  return null;
}

async function exists(path: string): Promise<boolean> {
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
