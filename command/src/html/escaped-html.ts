import { printable } from '../printable.js';

/** Escaped HTML, created by `html` only. */
export class Html {
  constructor(readonly text: string) {}

  toString(): string {
    return this.text;
  }
}

type Value = string | number | Html | null | readonly Value[];

const ESCAPES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;'
};

/**
 * A piece of HTML. Inserted values are escaped for text and quoted attributes, so that nothing from a log can
 * become markup; pieces of HTML are inserted as they are, lists are joined, null is omitted.
 */
export function html(strings: TemplateStringsArray, ...values: Value[]): Html {
  return new Html(strings.reduce((text, string, i) => text + inserted(values[i - 1]!) + string));
}

/** For the style sheet, which is trusted. */
export function trusted(text: string): Html {
  return new Html(text);
}

function inserted(value: Value): string {
  if (value === null) return '';
  if (value instanceof Html) return value.text;
  if (typeof value === 'object') return value.map(inserted).join('');
  return printable(String(value)).replace(/[&<>"']/g, character => ESCAPES[character]!);
}
