import type { Evidence } from '@aglais/protocol';
import type { Application } from '../../application/application.js';
import type { CacheFacts, Recomputed } from '../../application/cached-table.js';
import type { Scope } from '../../application/scopes.js';
import { MIN_LOST_MS, type TimeLost } from '../../application/stage-costs.js';

export interface TableRecompute {
  table: CacheFacts;
  recomputed: Recomputed;
}

export function recomputesOf(
  app: Application,
  scope: Scope,
  of: (recomputed: Recomputed) => boolean
): TableRecompute[] {
  return [...app.performance.caches]
    .flatMap(table => [...table.recomputed.values()].map(recomputed => ({ table, recomputed })))
    .filter(({ recomputed }) => recomputed.scope === scope.key && of(recomputed))
    .filter(({ recomputed }) => recomputed.wallMs >= MIN_LOST_MS)
    .sort((a, b) => b.recomputed.wallMs - a.recomputed.wallMs || a.table.rdd - b.table.rdd);
}

export function costOf({ recomputed }: TableRecompute): TimeLost {
  return recomputed;
}

export function placeOf(recomputes: readonly TableRecompute[]): {
  stages: { id: number; attempt: number }[];
  jobs: number[];
  firstSeen: number;
  lastSeen: number;
} {
  const all = recomputes.map(({ recomputed }) => recomputed);
  const stages = new Map(all.flatMap(({ stages }) => [...stages]));
  return {
    stages: [...stages.values()],
    jobs: all.flatMap(({ jobs }) => [...jobs]),
    firstSeen: Math.min(...all.map(({ firstSeen }) => firstSeen)),
    lastSeen: Math.max(...all.map(({ lastSeen }) => lastSeen))
  };
}

/** The first task that had to recompute its partition. */
export function evidenceOf({ recomputed }: TableRecompute): Evidence[] {
  const { quotes, ref, firstSeen: at } = recomputed;
  return quotes.map(quote => ({ source: 'eventlog' as const, at, quote, ref }));
}
