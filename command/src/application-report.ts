import { Diagnosis, type LogSource } from '@aglais/diagnosis';
import type { ApplicationReport, Unread } from '@aglais/protocol';
import { readEvidence } from './evidence-files.js';
import { observeWhole, plainError, type ReadOptions } from './logs.js';
import type { EvidenceFile } from './options.js';

/** One log's outcome: a report, or why there is none; and evidence that could not be read. */
export interface Diagnosed {
  report: ApplicationReport | null;
  unread: Unread[];
}

/** Reads one application's log and what else is known of it. Never throws on what it reads. */
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

/** What a diagnosis says now. */
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

/** The findings that were still seen at that time or later; null: all. */
export function since(report: ApplicationReport, at: number | null): ApplicationReport {
  if (at === null) return report;
  return { ...report, findings: report.findings.filter(({ lastSeen }) => lastSeen >= at) };
}
