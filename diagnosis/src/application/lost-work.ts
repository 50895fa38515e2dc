import type { Evidence } from '@aglais/protocol';
import type { TaskOutcome } from '../eventlog/task-outcome.js';
import { TimeSpans } from './time-spans.js';

/**
 * How work was lost: the outcomes of failed attempts, and `rerun` for work that was repeated because the stage's output
 * was lost.
 */
export type LostWorkKind = Exclude<TaskOutcome['kind'], 'success' | 'killed'> | 'rerun';

/**
 * Total lost work of one kind, per scope and suspected executor. Thousands of tasks that fail for the same reason are
 * one entry.
 */
export interface LostWork {
  readonly kind: LostWorkKind;
  readonly scope: string;
  /** The executor that caused it; null if Spark did not name one. */
  readonly executor: string | null;
  /** The class of the exception, for `failed`. */
  readonly name: string | null;
  /** The first one-line summary, for `failed`. */
  summary: string | null;
  /** The first known line of the user's code, for `failed`. */
  where: string | null;
  /** Stages whose results may differ when they run again (nondeterministic). */
  readonly indeterminate: Set<number>;
  /** Lost attempts; for `rerun`, tasks that were started to repeat work. */
  count: number;
  /** Executor time of the superseded attempts, ms. */
  taskMs: number;
  /** Tasks that were started again because of it; each task of a stage counts once. */
  again: number;
  /** Times in which superseded or repeating attempts were running. */
  readonly spans: TimeSpans;
  readonly stages: Map<string, { id: number; attempt: number }>;
  /** Number of tasks of the largest affected stage. */
  stageTasks: number;
  /** Bytes that the finished tasks of its latest stage had written to scratch disks; only for `disk`. */
  output: { tasks: number; done: number; bytes: number } | null;
  readonly jobs: Set<number>;
  firstSeen: number;
  lastSeen: number;
  /** The first event that shows it; the counts cover the others. */
  evidence: Evidence | null;
}

/** All lost work of an application. Its size grows with the kinds of incidents, not with the number of tasks. */
export class LostWorkTable {
  readonly #all = new Map<string, LostWork>();
  readonly #scopes = new Set<string>();

  [Symbol.iterator](): Iterator<LostWork> {
    return this.#all.values();
  }

  /** Whether this scope lost work. */
  affects(scope: string): boolean {
    return this.#scopes.has(scope);
  }

  get(
    kind: LostWorkKind,
    scope: string,
    executor: string | null,
    name: string | null = null
  ): LostWork {
    const key = JSON.stringify([kind, scope, executor, name]);
    let entry = this.#all.get(key);
    if (!entry) {
      entry = {
        kind,
        scope,
        executor,
        name,
        summary: null,
        where: null,
        indeterminate: new Set(),
        count: 0,
        taskMs: 0,
        again: 0,
        spans: new TimeSpans(),
        stages: new Map(),
        stageTasks: 0,
        output: null,
        jobs: new Set(),
        firstSeen: Infinity,
        lastSeen: -Infinity,
        evidence: null
      };
      this.#all.set(key, entry);
      this.#scopes.add(scope);
    }
    return entry;
  }
}
