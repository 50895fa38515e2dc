import { stripVTControlCharacters } from 'node:util';

/**
 * Control characters with which a log could control a terminal or mislead a reader: C0 and C1 except tab and
 * line break, and bidirectional marks.
 */
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Untrusted text that is safe to print: without escape sequences and control characters. */
export function printable(text: string): string {
  return stripVTControlCharacters(text.replaceAll('\r\n', '\n')).replace(CONTROL, '\ufffd');
}

/** The same on one line. */
export function oneLine(text: string): string {
  return printable(text).replace(/\s+/g, ' ').trim();
}

/** Text truncated to a number of characters, with an ellipsis if it was longer. */
export function shortened(text: string, most: number): string {
  const characters = [...text.slice(0, 2 * most + 2)];
  return characters.length <= most && text.length <= 2 * most + 2
    ? text
    : `${characters.slice(0, most - 1).join('')}…`;
}

/** The first non-empty lines of a quote. */
export function firstLines(quote: string, lines: number, most: number): string[] {
  const all = printable(quote)
    .split('\n')
    .filter(line => line.trim() !== '');
  const kept = all.slice(0, lines).map(line => shortened(line, most));
  if (all.length > lines) kept[kept.length - 1] += ' …';
  return kept;
}
