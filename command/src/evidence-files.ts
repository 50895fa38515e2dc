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
 * Reads files of additional evidence into a diagnosis. Files that grow with an application are read line by
 * line, whatever their size and codec.
 * @param onUnread called for a file that cannot be read; the others are still read
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
        if (content.trim() === '') onUnread(path, 'the file is empty');
        observeEvidence(diagnosis, kind, content, path);
      }
    } catch (error) {
      onUnread(path, plainError(error));
    }
  }
}

/** Evidence that does not name its application, so it needs a single log. */
export function namesNoApplication({ kind }: EvidenceFile): boolean {
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
