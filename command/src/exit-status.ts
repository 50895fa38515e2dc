import type { ApplicationReport } from '@aglais/protocol';
import { worst } from './report-messages.js';

/** The exit statuses of `aglais diagnose`, as documented in its usage. */
export const EXIT_OK = 0;
export const EXIT_FINDINGS = 1;
export const EXIT_UNREADABLE = 2;

/** Whether there are errors or warnings; notes do not count. */
export function hasProblems(report: ApplicationReport): boolean {
  const severity = worst(report);
  return severity === 'error' || severity === 'warning';
}
