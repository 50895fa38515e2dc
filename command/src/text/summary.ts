import { formatDuration } from '@aglais/diagnosis';
import type { Unread } from '@aglais/protocol';
import { oneLine } from '../printable.js';
import { summaryLine, worstFirst, type SummaryRow } from '../summary-rows.js';
import { dayAndTime, SEVERITY_LABELS } from '../report-messages.js';
import type { Page } from './application.js';
import { paragraph, table, type Column } from './layout.js';

const COLUMNS: Column[] = [
  { title: 'Application', least: 12 },
  { title: 'Name', least: 8 },
  { title: 'When' },
  { title: 'Duration', right: true },
  { title: 'Findings', right: true },
  { title: 'Worst finding', least: 24 }
];
const WORST = COLUMNS.length - 1;

/** Several applications as a table, most severe first. */
export function summaryText(rows: readonly SummaryRow[], { tableWidth, paint }: Page): string {
  const sorted = worstFirst(rows);
  const cells = sorted.map(row => [
    oneLine(row.id ?? row.file),
    oneLine(row.name),
    row.startedAt === null ? '' : dayAndTime(row.startedAt),
    row.startedAt === null || row.endedAt === null
      ? ''
      : `${formatDuration(Math.max(0, row.endedAt - row.startedAt))}${row.complete ? '' : ' …'}`,
    row.findings === 0 ? '–' : String(row.findings),
    row.worst === null ? 'no problems' : `${SEVERITY_LABELS[row.worst]}: ${oneLine(row.title)}`
  ]);
  const text = table(COLUMNS, cells, tableWidth, (cell, row, column) => {
    if (row < 0) return paint.faint(cell);
    if (column !== WORST) return cell;
    const { worst } = sorted[row]!;
    return worst === null ? paint.good(cell) : paint.severity(worst, cell);
  });
  const cut = sorted.some(({ complete }) => !complete)
    ? `\n\n${paint.faint('… incomplete log: still running, or truncated')}`
    : '';
  return `${paint.strong(summaryLine(rows))}\n\n${text}${cut}\n`;
}

/** What could not be read, one path a line. */
export function unreadText(unread: readonly Unread[], { width, paint }: Page): string {
  return unread
    .map(({ path, message }) =>
      paragraph(
        `${paint.severity('error', 'Could not read')} ${oneLine(path)}: ${oneLine(message)}`,
        width,
        '  ',
        ''
      )
    )
    .join('\n');
}
