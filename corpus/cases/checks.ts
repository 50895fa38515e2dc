import type { Finding } from '@aglais/protocol';

/** What is wrong, as a sentence, or null: the figures that cases expect of findings. */
export function exactly(what: string, figure: number, expected: number): string | null {
  return figure === expected ? null : `says ${figure} ${what}, not ${expected}`;
}

export function atLeast(what: string, figure: number, least: number): string | null {
  return figure >= least ? null : `says ${figure} ${what}, not at least ${least}`;
}

/** Work was lost, so it must have a cost. */
export function costs({ cost }: Finding): string | null {
  if (!cost) return 'says nothing of its cost';
  return cost.taskMs > 0 ? null : `says that it cost ${cost.taskMs} ms`;
}

/** Its words must hold something: a figure, a name, a line of the user's code. */
export function says(finding: Finding, words: RegExp): string | null {
  const text = [finding.title, finding.explanation, ...finding.effects].join(' ');
  return words.test(text) ? null : `does not say ${words.source}: ${text}`;
}

/** Some piece of advice must be of this kind. */
export function advises(
  finding: Finding,
  action: Finding['advice'][number]['action']
): string | null {
  return finding.advice.some(advice => advice.action === action) ? null : `advises no ${action}`;
}
