import type { Kind } from './plan.js';

/** Violations, by the names in the report. */
export const PROMISES = {
  orphans: 'objects without a living cluster',
  doubles: 'second drivers of a cluster, second clusters of a kernel',
  findings: 'findings that differ between live and offline',
  unnamed: 'killed executors that were not reported',
  removed: 'healthy clusters that failed, were stopped, or stopped working',
  broken: 'answers of the server that became wrong'
} as const;
export type PromiseName = keyof typeof PROMISES;

/** Counts of actions and observations. */
export class Ledger {
  readonly violations: { promise: PromiseName; words: string }[] = [];
  readonly kills: { kind: Kind; recoveredMs: number | null }[] = [];
  /** Longest time for which an orphan existed while a server was running, ms. */
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

/** Prints progress; Jest would add six lines to each. */
export function say(words: string): void {
  process.stdout.write(`${new Date().toISOString().slice(11, 19)} ${words}\n`);
}
