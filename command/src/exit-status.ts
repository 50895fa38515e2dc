import type { ApplicationReport } from '@aglais/protocol';
import { worst } from './report-messages.js';

/** Exit statuses, as the usage promises them. */
export const NOTHING_WRONG = 0;
export const SOMETHING_WRONG = 1;
export const COULD_NOT_READ = 2;

/** Errors and warnings are wrong; notes are not. */
export function isWrong(report: ApplicationReport): boolean {
  const severity = worst(report);
  return severity === 'error' || severity === 'warning';
}
