import type { Finding } from '@aglais/protocol';

/** Checks of a finding's numbers: a sentence that says what is wrong, or null. */
export function exactly(what: string, figure: number, expected: number): string | null {
  return figure === expected ? null : `reports ${figure} ${what}, not ${expected}`;
}

export function atLeast(what: string, figure: number, least: number): string | null {
  return figure >= least ? null : `reports ${figure} ${what}, not at least ${least}`;
}

/** Work was lost, so it must have a cost. */
export function costs({ cost }: Finding): string | null {
  if (!cost) return 'has no cost';
  return cost.taskMs > 0 ? null : `has a cost of ${cost.taskMs} ms`;
}

/** Its texts must contain something: a figure, a name, a line of the user's code. */
export function says(finding: Finding, words: RegExp): string | null {
  const text = [finding.title, finding.explanation, ...finding.effects].join(' ');
  return words.test(text) ? null : `does not contain ${words.source}: ${text}`;
}

/** It must have advice with this action. */
export function advises(
  finding: Finding,
  action: Finding['advice'][number]['action']
): string | null {
  return finding.advice.some(advice => advice.action === action) ? null : `has no ${action} advice`;
}
