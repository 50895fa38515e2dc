import type { Finding } from '@aglais/protocol';
import { describe } from './check-findings.js';
import type { CaseResult } from './run-group.js';

export const HEADINGS = ['case', 'seconds', 'expected', 'found', 'ok'];

/** One row of the result table. */
export function row({ one, seconds, found, differences }: CaseResult): string[] {
  const ok = differences.length === 0;
  return [
    one.name,
    seconds.toFixed(0),
    one.expected.map(describe).join(' + ') || 'nothing',
    ok ? 'the same' : found.map(shortText).join(' + ') || 'nothing',
    ok ? 'ok' : 'NO'
  ];
}

export function shortText({ code, severity, confidence, subject }: Finding): string {
  return `${code} (${severity}, ${confidence}${subject.cell === undefined ? ', no cell' : ''})`;
}

/** Rows with aligned columns, the last one not padded. */
export function formatRows(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map(cells => cells[i]!.length)));
  return rows.map(cells =>
    cells
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd()
  );
}
