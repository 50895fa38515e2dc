import { readPlainText } from '../evidence/plain-file.js';

const LOG_TAIL_BYTES = 4_096;
/** Longer than any file that is read as a whole; user code can write to all of them. */
const MAX_BYTES = 2 ** 20;

/** A line of `ready` after the port is a statement and Spark's error message; users know the name of the table. */
export function shareProblem(line: string): string {
  const said = /^CREATE \w+ IF NOT EXISTS (\S+) .*?: (.*)$/.exec(line);
  return said ? `${said[1]!.replaceAll('`', '')}: ${said[2]!}` : line;
}

/** A small file of a cluster's directory, at most 1 MiB of it; null if it is missing or not a regular file. */
export function readText(path: string): Promise<string | null> {
  return readPlainText(path, MAX_BYTES);
}

/** The end of a log; empty if there is none. */
export async function logTail(path: string): Promise<string> {
  const end = await readPlainText(path, LOG_TAIL_BYTES, size => Math.max(0, size - LOG_TAIL_BYTES));
  return end ?? '';
}
