import { readPlainText } from '../evidence/plain-file.js';

const LOG_TAIL_BYTES = 4_096;
/** Longer than any file that is read as a whole; user code can write to all of them. */
const MAX_BYTES = 2 ** 20;

/** A line of `ready` behind the port is a statement and what Spark said about it; people know the table's name. */
export function shareProblem(line: string): string {
  const said = /^CREATE \w+ IF NOT EXISTS (\S+) .*?: (.*)$/.exec(line);
  return said ? `${said[1]!.replaceAll('`', '')}: ${said[2]!}` : line;
}

/** A small file of a cluster's directory, no more than 1 MiB of it; null if it is missing or not a plain file. */
export function readText(path: string): Promise<string | null> {
  return readPlainText(path, MAX_BYTES);
}

/** The end of a log, which may be long; empty if there is none. */
export async function logTail(path: string): Promise<string> {
  const end = await readPlainText(path, LOG_TAIL_BYTES, size => Math.max(0, size - LOG_TAIL_BYTES));
  return end ?? '';
}
