import { Diagnosis, type LogSource } from '@aglais/diagnosis';
import type { ApplicationReport, Unread } from '@aglais/protocol';
import { readEvidence } from './evidence-files.js';
import { observeWhole, plainError, type ReadOptions } from './logs.js';
import type { EvidenceFile } from './options.js';

/** The result for one log: a report, if it could be read, and everything that could not be read. */
export interface Diagnosed {
  report: ApplicationReport | null;
  unread: Unread[];
}

/** Diagnoses one log with additional evidence. Never throws on invalid input. */
export async function diagnoseLog(
  source: LogSource,
  evidence: readonly EvidenceFile[],
  options: ReadOptions = {}
): Promise<Diagnosed> {
  const unread: Unread[] = [];
  const diagnosis = new Diagnosis();
  const path = source.paths[0] ?? source.name;
  try {
    await observeWhole(diagnosis, source, options);
  } catch (error) {
    return { report: null, unread: [{ path, message: plainError(error) }] };
  }
  await readEvidence(diagnosis, evidence, (file, message) => unread.push({ path: file, message }));
  const files = [...source.paths, ...evidence.map(file => file.path)];
  return { report: reportOn(diagnosis, files), unread };
}

/** The current report of a diagnosis. */
export function reportOn(diagnosis: Diagnosis, files: readonly string[]): ApplicationReport {
  const { problems } = diagnosis;
  const { id, name, sparkVersion, complete, startedAt, endedAt } = diagnosis.application;
  return {
    ...{ id, name, sparkVersion, complete, startedAt, endedAt },
    files: [...files],
    problems: problems.first.map(problem => ({ ...problem })),
    problemCount: problems.count,
    findings: diagnosis.findings(),
    resources: diagnosis.resources()
  };
}

/** The report with only the findings last seen at this time or later; null: all. */
export function since(report: ApplicationReport, at: number | null): ApplicationReport {
  if (at === null) return report;
  return { ...report, findings: report.findings.filter(({ lastSeen }) => lastSeen >= at) };
}
