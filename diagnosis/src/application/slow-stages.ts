import {
  gcCost,
  largeTasksCost,
  MIN_LOST_MS,
  NOTHING,
  skewCost,
  smallFilesCost,
  smallTasksCost,
  spillCost,
  type TimeLost
} from './stage-costs.js';
import type { StageSummary } from './stage-summary.js';

/** Stages per scope that are kept: the most expensive ones. */
const KEPT = 50;
/** Less garbage collection in a stage is not counted, ms. */
const MIN_GC_MS = 50;

const COSTS: readonly ((facts: StageSummary) => TimeLost)[] = [
  skewCost,
  spillCost,
  smallTasksCost,
  largeTasksCost,
  smallFilesCost
];

/** Garbage collection of the stages of a scope that spent too much time in it. */
export interface GarbageFacts {
  gcMs: number;
  runMs: number;
  wallMs: number;
  stages: number;
  /** The stage with the largest loss. */
  worst: StageSummary;
  firstSeen: number;
  lastSeen: number;
}

/** Slow work of one scope. */
export interface SlowScope {
  readonly stages: StageSummary[];
  garbage: GarbageFacts | null;
}

/**
 * Stages that took longer than necessary. Whether it matters is only known when the cell has ended; only losses of at
 * least a second are kept.
 */
export class SlowStages {
  readonly #scopes = new Map<string, SlowScope>();

  [Symbol.iterator](): Iterator<[string, SlowScope]> {
    return this.#scopes.entries();
  }

  /** Whether this scope has anything to report. */
  affects(scope: string): boolean {
    const slow = this.#scopes.get(scope);
    return (
      slow !== undefined && (slow.stages.length > 0 || (slow.garbage?.wallMs ?? 0) >= MIN_LOST_MS)
    );
  }

  /**
   * @param again the stage ran before and had to repeat a part: its garbage collection is already recorded
   * @returns whether the scope has anything to report
   */
  add(scope: string, facts: StageSummary, again: boolean): boolean {
    const slow = this.#scopes.get(scope) ?? { stages: [], garbage: null };
    const before = slow.stages.findIndex(({ stage }) => stage === facts.stage);
    if (before >= 0) slow.stages.splice(before, 1);
    if (lost(facts) >= MIN_LOST_MS) {
      slow.stages.push(facts);
      if (slow.stages.length > KEPT) {
        const least = slow.stages.reduce((a, b) => (lost(b) < lost(a) ? b : a));
        slow.stages.splice(slow.stages.indexOf(least), 1);
      }
    }
    const garbage = again ? NOTHING : gcCost(facts);
    if (garbage.taskMs >= MIN_GC_MS) slow.garbage = withGarbage(slow.garbage, facts, garbage);
    if (slow.stages.length === 0 && slow.garbage === null) return false;
    this.#scopes.set(scope, slow);
    return this.affects(scope);
  }

  /** Evicts an ended scope that has nothing to report. */
  evict(scope: string): void {
    this.#scopes.delete(scope);
  }

  get size(): number {
    return [...this.#scopes.values()].reduce((sum, { stages }) => sum + stages.length, 0);
  }
}

function lost(facts: StageSummary): number {
  return Math.max(...COSTS.map(cost => cost(facts).wallMs));
}

function withGarbage(
  known: GarbageFacts | null,
  facts: StageSummary,
  cost: TimeLost
): GarbageFacts {
  const { startedAt, endedAt, gcMs, runMs } = facts;
  if (!known) {
    const { wallMs } = cost;
    return {
      gcMs,
      runMs,
      wallMs,
      stages: 1,
      worst: facts,
      firstSeen: startedAt,
      lastSeen: endedAt
    };
  }
  return {
    gcMs: known.gcMs + gcMs,
    runMs: known.runMs + runMs,
    wallMs: known.wallMs + cost.wallMs,
    stages: known.stages + 1,
    worst: gcMs > known.worst.gcMs ? facts : known.worst,
    firstSeen: Math.min(known.firstSeen, startedAt),
    lastSeen: Math.max(known.lastSeen, endedAt)
  };
}
