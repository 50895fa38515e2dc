import type { Finding } from '@aglais/protocol';

export const FRAME = { startedAt: 1_000_000, endedAt: 1_060_000, slots: 2 };

/** A finding that is right in every way, and what is to be different. */
export function finding(more: Partial<Finding> = {}): Finding {
  return {
    id: 'executor-lost:cell:1:case.a',
    code: 'executor-lost',
    severity: 'warning',
    confidence: 'likely',
    title: 'Executor 1 was lost',
    explanation: 'This cell succeeded, but executor 1 was stopped.',
    subject: { cell: 'case.a', run: 1 },
    evidence: [{ source: 'eventlog', at: 1_010_000, quote: 'exit code 143', ref: 'live.jsonl:7' }],
    effects: [],
    cost: { taskMs: 5_000, recomputedTasks: 2, wallMs: 3_000 },
    advice: [],
    firstSeen: 1_010_000,
    lastSeen: 1_020_000,
    count: 1,
    ...more
  };
}
