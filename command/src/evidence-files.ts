import { createReadStream } from 'node:fs';
import { text } from 'node:stream/consumers';
import {
  findLogs,
  LogRecords,
  observeEvidence,
  observeEvidenceLine,
  readLog,
  STDIN,
  type Diagnosis,
  type Line
} from '@aglais/diagnosis';
import { plainError } from './logs.js';
import type { EvidenceFile } from './options.js';

/**
 * Feeds files of other evidence into a diagnosis. Those that grow with an application are read line
 * by line, whatever their size and codec.
 * A file that cannot be read is told by `onUnread`, and the others go on.
 */
export async function readEvidence(
  diagnosis: Diagnosis,
  files: readonly EvidenceFile[],
  onUnread: (path: string, message: string) => void
): Promise<void> {
  for (const { kind, path } of files) {
    try {
      if (kind === 'evidence') await readObservations(diagnosis, path);
      else if (kind === 'stderr') await readRecords(diagnosis, path);
      else {
        const content = await text(path === STDIN ? process.stdin : createReadStream(path));
        if (content.trim() === '') onUnread(path, 'it is empty');
        observeEvidence(diagnosis, kind, content, path);
      }
    } catch (error) {
      onUnread(path, plainError(error));
    }
  }
}

/** Evidence that does not say which application it is of, so that it can only be of the one. */
export function anonymous({ kind }: EvidenceFile): boolean {
  return kind === 'cgroup' || kind === 'stderr' || kind === 'client' || kind === 'evidence';
}

async function readObservations(diagnosis: Diagnosis, path: string): Promise<void> {
  await eachLine(diagnosis, path, ({ text: line, number }) =>
    observeEvidenceLine(diagnosis, line, `${path}:${number}`)
  );
}

async function readRecords(diagnosis: Diagnosis, path: string): Promise<void> {
  const records = new LogRecords(path);
  await eachLine(diagnosis, path, ({ text: line, number }) => {
    const record = records.push(line, number);
    if (record) diagnosis.observe(record);
  });
  const last = records.flush();
  if (last) diagnosis.observe(last);
}

async function eachLine(
  diagnosis: Diagnosis,
  path: string,
  take: (line: Line) => void
): Promise<void> {
  for (const source of await findLogs([path])) {
    for await (const { file, lines, problem } of readLog(source)) {
      for (const line of lines) take(line);
      if (problem) diagnosis.report(`${file}:${problem.line}`, problem.message);
    }
  }
}
