import stringWidth from 'string-width';
import wrapAnsi from 'wrap-ansi';

/** Wraps a paragraph to a width with an indent; the first line may have a different one. */
export function paragraph(text: string, width: number, indent: string, first = indent): string {
  const room = Math.max(20, width - stringWidth(indent));
  return wrapAnsi(text, room, { hard: true })
    .split('\n')
    .map((line, index) => (index === 0 ? first : indent) + line.trimEnd())
    .join('\n');
}

/** Pads a text to a width in terminal columns. */
export function padded(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - stringWidth(text)));
}

/** Truncates a text to a width in terminal columns, with an ellipsis. */
export function fitted(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  let cut = '';
  let columns = 0;
  for (const character of text) {
    columns += stringWidth(character);
    if (columns > width - 1) break;
    cut += character;
  }
  return `${cut}…`;
}

export interface Column {
  title: string;
  /** Minimum width; columns with one are cut from the last to the first. */
  least?: number;
  /** Right-aligned, for numbers. */
  right?: boolean;
}

/**
 * Lays out a table with two spaces between columns, no wider than `width` as far as columns can be cut. `style`
 * colors a cell after its width is fixed.
 */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
  style: (text: string, row: number, column: number) => string = text => text
): string {
  const widths = columns.map(({ title }, column) =>
    Math.max(stringWidth(title), ...rows.map(row => stringWidth(row[column] ?? '')))
  );
  let excess = widths.reduce((sum, w) => sum + w + 2, -2) - width;
  for (let column = columns.length - 1; column >= 0 && excess > 0; column -= 1) {
    const { least } = columns[column]!;
    if (least === undefined) continue;
    const cut = Math.min(excess, Math.max(0, widths[column]! - least));
    widths[column]! -= cut;
    excess -= cut;
  }
  const line = (cells: readonly string[], row: number): string =>
    columns
      .map(({ right }, column) => {
        const text = fitted(cells[column] ?? '', widths[column]!);
        const blanks = ' '.repeat(widths[column]! - stringWidth(text));
        const styled = style(text, row, column);
        return right ? blanks + styled : styled + blanks;
      })
      .join('  ')
      .trimEnd();
  const titles = columns.map(({ title }) => title);
  return [line(titles, -1), ...rows.map((row, index) => line(row, index))].join('\n');
}
