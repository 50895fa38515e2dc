import { open, readFile } from 'node:fs/promises';

const LAST_WORDS_BYTES = 4_096;

/** A line of `ready` behind the port is a statement and what Spark said about it; people know the table's name. */
export function shareProblem(line: string): string {
  const said = /^CREATE \w+ IF NOT EXISTS (\S+) .*?: (.*)$/.exec(line);
  return said ? `${said[1]!.replaceAll('`', '')}: ${said[2]!}` : line;
}

/** A file of a cluster's directory; null if it is not there. */
export async function readText(path: string): Promise<string | null> {
  return readFile(path, 'utf8').catch(() => null);
}

/** The end of a log, which may be long. */
export async function logTail(path: string): Promise<string> {
  const file = await open(path).catch(() => null);
  if (!file) return '';
  try {
    const { size } = await file.stat();
    const length = Math.min(size, LAST_WORDS_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.subarray(0, bytesRead).toString('utf8');
  } finally {
    await file.close();
  }
}
