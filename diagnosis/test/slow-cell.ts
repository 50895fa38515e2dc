import { Finding } from '@aglais/protocol';
import { expect } from '@jest/globals';
import { diagnose } from './recorded-runs.js';
import { WorkStory, type TaskWork } from './work-story.js';

export const CELL = 'aglais-cell:1:abc';

export const SCOPE = 'cell:1:abc';

/** Two executors of two cores; the cell's job has one stage of these tasks. */
export function cellOf(work: TaskWork[], conf: Record<string, string> = {}): WorkStory {
  const story = new WorkStory(conf).with('1', '2');
  story.jobOf(CELL, work, { name: 'count at notebook.py:12' });
  return story;
}

export function findingsOf(story: WorkStory): Finding[] {
  const findings = diagnose(story.end().observations).findings();
  for (const finding of findings) expect(Finding.parse(finding)).toEqual(finding);
  return findings;
}

export const codes = (story: WorkStory): string[] => findingsOf(story).map(({ id }) => id);
