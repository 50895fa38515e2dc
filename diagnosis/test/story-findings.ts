import type { Finding } from '@aglais/protocol';
import type { Observation } from '../src/index.js';
import { diagnose } from './recorded-runs.js';
import { Story } from './story.js';

/** Situations on other platforms. */
export function findings(story: Story, more: readonly Observation[] = []): Finding[] {
  return diagnose([...story.observations, ...more]).findings();
}

export const ids = (story: Story, more: readonly Observation[] = []): string[] =>
  findings(story, more).map(({ id }) => id);
