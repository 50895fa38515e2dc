import { Diagnosis } from './diagnosis.js';
import { readObservation } from './evidence/observation-lines.js';
import { findLogs } from './logs/find-logs.js';
import { observeLog } from './logs/observe-log.js';
import { readLog, type ReadOptions } from './logs/read-log.js';

export interface EvidenceFiles {
  /** Event logs of one application, in order: files, rolling directories, `-`. */
  eventLogs: string[];
  /** Other evidence: JSON lines, one observation each. */
  evidence?: string[];
}

/**
 * Diagnoses one application from files. What cannot be read is counted in `problems`.
 * @throws the error of the file system if a path does not exist
 */
export async function diagnoseFiles(
  files: EvidenceFiles,
  options: ReadOptions = {}
): Promise<Diagnosis> {
  const diagnosis = new Diagnosis();
  for (const source of await findLogs(files.eventLogs)) {
    await observeLog(diagnosis, source, options);
  }
  for (const source of await findLogs(files.evidence ?? [])) {
    for await (const { file, lines, problem } of readLog(source, options)) {
      for (const { text, number } of lines) {
        observeEvidenceLine(diagnosis, text, `${file}:${number}`);
      }
      if (problem) diagnosis.report(`${file}:${problem.line}`, problem.message);
    }
  }
  diagnosis.close();
  return diagnosis;
}

/** One line of an evidence file. */
export function observeEvidenceLine(diagnosis: Diagnosis, text: string, ref: string): void {
  if (text.trim() === '') return;
  const observation = readObservation(text);
  if (typeof observation === 'string') diagnosis.report(ref, observation);
  else diagnosis.observe(observation);
}
