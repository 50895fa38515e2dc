import { styleText } from 'node:util';
import type { Severity } from '@aglais/protocol';

type Style = Parameters<typeof styleText>[0];

/** Colors text, or returns it unchanged without colors. */
export interface Paint {
  strong(text: string): string;
  faint(text: string): string;
  good(text: string): string;
  severity(severity: Severity, text: string): string;
}

const SEVERITY_STYLE: Record<Severity, Style> = {
  error: ['bold', 'red'],
  warning: ['bold', 'yellow'],
  info: ['bold', 'cyan']
};

export function paint(colors: boolean): Paint {
  const style = (name: Style, text: string): string =>
    colors ? styleText(name, text, { validateStream: false }) : text;
  return {
    strong: text => style('bold', text),
    faint: text => style('dim', text),
    good: text => style('green', text),
    severity: (severity, text) => style(SEVERITY_STYLE[severity], text)
  };
}

/**
 * Whether to use colors: on a capable terminal unless NO_COLOR is set (no-color.org); FORCE_COLOR enables them
 * anywhere.
 */
export function wantsColor(
  environment: Readonly<Record<string, string | undefined>>,
  isTerminal: boolean
): boolean {
  if (environment['NO_COLOR']) return false;
  const { FORCE_COLOR: force } = environment;
  if (force !== undefined) return force !== '0' && force !== 'false';
  return isTerminal && environment['TERM'] !== 'dumb';
}
