import { Diagnosis } from './diagnosis.js';
import { linesOf } from './eventlog/chunks.js';
import { readObservation } from './evidence/observations.js';

export interface EvidenceFiles {
  /** Event logs of one application, in their order. */
  eventLogs: string[];
  /** Other evidence: JSON lines, each an observation. */
  evidence?: string[];
}

/**
 * Diagnoses one application from files. Lines that cannot be read are counted in `problems`.
 * @throws the file system's error if a file cannot be read.
 */
export async function diagnoseFiles(files: EvidenceFiles): Promise<Diagnosis> {
  const diagnosis = new Diagnosis();
  for (const path of files.eventLogs) {
    for await (const { text, number } of linesOf(path)) {
      observeEventLine(diagnosis, text, `${path}:${number}`);
    }
  }
  for (const path of files.evidence ?? []) {
    for await (const { text, number } of linesOf(path)) {
      observeEvidenceLine(diagnosis, text, `${path}:${number}`);
    }
  }
  diagnosis.close();
  return diagnosis;
}

/** One line of an event log. Empty lines are nothing; what is no JSON is a counted problem. */
export function observeEventLine(diagnosis: Diagnosis, text: string, ref: string): void {
  if (text.trim() === '') return;
  let event: unknown;
  try {
    event = JSON.parse(text);
  } catch (error) {
    diagnosis.report(ref, `not JSON: ${(error as Error).message}`);
    return;
  }
  diagnosis.observe({ kind: 'event', event, ref });
}

/** One line of an evidence file. */
export function observeEvidenceLine(diagnosis: Diagnosis, text: string, ref: string): void {
  if (text.trim() === '') return;
  const observation = readObservation(text);
  if (typeof observation === 'string') diagnosis.report(ref, observation);
  else diagnosis.observe(observation);
}
