import type { ApplicationReport, Severity, Unread } from '@aglais/protocol';
import { SEVERITIES, worst } from './report-messages.js';

/** One application in a table: only what the table needs, so that thousands fit in memory. */
export interface SummaryRow {
  id: string | null;
  name: string;
  file: string;
  startedAt: number | null;
  endedAt: number | null;
  complete: boolean;
  worst: Severity | null;
  /** Title of the worst finding; empty if there is none. */
  title: string;
  findings: number;
}

export interface Summary {
  rows: SummaryRow[];
  unread: Unread[];
}

export function summaryRow(report: ApplicationReport): SummaryRow {
  const { id, name, files, startedAt, endedAt, complete, findings } = report;
  return {
    ...{ id, name, startedAt, endedAt, complete },
    file: files[0] ?? '',
    worst: worst(report),
    title: findings[0]?.title ?? '',
    findings: findings.length
  };
}

/** Sorted by severity, then the newest first. */
export function worstFirst(rows: readonly SummaryRow[]): SummaryRow[] {
  const rank = ({ worst: severity }: SummaryRow): number =>
    severity === null ? SEVERITIES.length : SEVERITIES.indexOf(severity);
  return [...rows].sort((a, b) => rank(a) - rank(b) || (b.startedAt ?? 0) - (a.startedAt ?? 0));
}

/** "12 applications: 2 with errors, 1 with warnings, 9 without problems." */
export function summaryLine(rows: readonly SummaryRow[]): string {
  const count = (severity: Severity | null): number =>
    rows.filter(row => row.worst === severity).length;
  const fine = count(null) + count('info');
  const parts = [
    ...(count('error') > 0 ? [`${count('error')} with errors`] : []),
    ...(count('warning') > 0 ? [`${count('warning')} with warnings`] : []),
    ...(fine > 0 ? [`${fine} without problems`] : [])
  ];
  const applications = rows.length === 1 ? '1 application' : `${rows.length} applications`;
  return `${applications}${parts.length > 0 ? `: ${parts.join(', ')}` : ''}.`;
}
