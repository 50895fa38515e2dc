import type { Kind } from './plan.js';

/** What went wrong, by what it would be called in the issue. */
export const PROMISES = {
  orphans: 'objects without a living cluster',
  doubles: 'second drivers of a cluster, second clusters of a kernel',
  findings: 'findings that differ between live and offline',
  unnamed: 'killed executors that were not reported',
  removed: 'healthy clusters that failed, were stopped, or stopped working',
  broken: 'answers of the server that became wrong'
} as const;
export type PromiseName = keyof typeof PROMISES;

/** What was done and what was seen, counted. */
export class Ledger {
  readonly violations: { promise: PromiseName; words: string }[] = [];
  readonly kills: { kind: Kind; recoveredMs: number | null }[] = [];
  /** Orphans that were seen on their way out: how long the longest was there while a server was up, ms. */
  longestOrphanMs = 0;
  clusters = 0;
  drivers = 0;
  executorsNamedByFinding = 0;
  executorsNamedOtherwise = 0;
  findingsCompared = 0;
  results = 0;

  violate(promise: PromiseName, words: string): void {
    if (this.violations.some(known => known.promise === promise && known.words === words)) return;
    this.violations.push({ promise, words });
    say(`BROKEN (${promise}): ${words}`);
  }

  count(promise: PromiseName): number {
    return this.violations.filter(known => known.promise === promise).length;
  }
}

/** To whoever waits for it; Jest would add six lines to each. */
export function say(words: string): void {
  process.stdout.write(`${new Date().toISOString().slice(11, 19)} ${words}\n`);
}
