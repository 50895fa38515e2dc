import { expect } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { findLogs, readLog, type LogSource } from '../src/index.js';

export const FIXTURES = join(import.meta.dirname, 'logs');

/** Files that Spark's codecs wrote (`MakeLogs.java`): two streams each. */
export const CODECS = ['gz', 'zstd', 'lz4', 'snappy', 'lzf'] as const;

export const fixture = (codec: string): string => join(FIXTURES, `app.${codec}`);

const plain = gunzipSync(await readFile(fixture('gz'))).toString('utf8');

export const lines = plain.split('\n').slice(0, -1);

interface Read {
  lines: string[];
  /** File and number of each line. */
  places: string[];
  problems: { file: string; line: number; message: string }[];
}

export async function read(source: LogSource): Promise<Read> {
  const got: Read = { lines: [], places: [], problems: [] };
  for await (const batch of readLog(source)) {
    for (const line of batch.lines) {
      got.lines.push(line.text);
      got.places.push(`${batch.file}:${line.number}`);
    }
    if (batch.problem) got.problems.push({ file: batch.file, ...batch.problem });
  }
  return got;
}

export async function readPath(path: string): Promise<Read> {
  const sources = await findLogs([path]);
  expect(sources).toHaveLength(1);
  return read(sources[0]!);
}
