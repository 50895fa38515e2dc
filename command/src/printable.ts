import { stripVTControlCharacters } from 'node:util';

/**
 * Control characters that a log could steer a terminal or mislead a reader with: C0 and C1 but tab
 * and line break, and those that turn the direction of writing.
 */
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Text of others that is safe to print: without escape sequences and control characters. */
export function printable(text: string): string {
  return stripVTControlCharacters(text.replaceAll('\r\n', '\n')).replace(CONTROL, '\ufffd');
}

/** The same on one line. */
export function oneLine(text: string): string {
  return printable(text).replace(/\s+/g, ' ').trim();
}

/** The beginning of a text: at most that many characters, with an ellipsis if there was more. */
export function shortened(text: string, most: number): string {
  const characters = [...text.slice(0, 2 * most + 2)];
  return characters.length <= most && text.length <= 2 * most + 2
    ? text
    : `${characters.slice(0, most - 1).join('')}…`;
}

/** The first lines of a quote, none of them empty. */
export function firstLines(quote: string, lines: number, most: number): string[] {
  const all = printable(quote)
    .split('\n')
    .filter(line => line.trim() !== '');
  const kept = all.slice(0, lines).map(line => shortened(line, most));
  if (all.length > lines) kept[kept.length - 1] += ' …';
  return kept;
}
