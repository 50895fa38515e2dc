import type { Evidence } from '@aglais/protocol';
import type { TaskOutcome } from '../eventlog/task-outcome.js';
import { TimeSpans } from './time-spans.js';

/**
 * A way in which work was lost: the outcomes of failed attempts, and `rerun` for work that was
 * repeated because the stage's output was gone.
 */
export type LostWorkKind = Exclude<TaskOutcome['kind'], 'success' | 'killed'> | 'rerun';

/**
 * Lost work of one kind, per scope and suspected executor, in total. Thousands of tasks that fail for the same reason
 * are one entry.
 */
export interface LostWork {
  readonly kind: LostWorkKind;
  readonly scope: string;
  /** Whose loss or misbehaviour it was; null if Spark did not say. */
  readonly executor: string | null;
  /** The exception's class, for `failed`. */
  readonly name: string | null;
  /** One line about it, of the first that was seen, for `failed`. */
  summary: string | null;
  /** The line of the user's code, of the first that had one, for `failed`. */
  where: string | null;
  /** Stages of it whose work, done again, may give another result. */
  readonly indeterminate: Set<number>;
  /** Attempts lost; for `rerun`, tasks that were started to do work again. */
  count: number;
  /** Executor time of the superseded attempts, ms. */
  taskMs: number;
  /** Tasks that were started again because of it; each task of a stage counts once. */
  again: number;
  /** When superseded attempts, or attempts that repeated work, were running. */
  readonly spans: TimeSpans;
  readonly stages: Map<string, { id: number; attempt: number }>;
  /** Tasks of the largest stage that was hit. */
  stageTasks: number;
  /** What the finished tasks of its newest stage had written to scratch disks; only for `disk`. */
  output: { tasks: number; done: number; bytes: number } | null;
  readonly jobs: Set<number>;
  firstSeen: number;
  lastSeen: number;
  /** The first that was seen of it; one is enough to prove it, the count says the rest. */
  evidence: Evidence | null;
}

/** All lost work of an application. Its size grows with the kinds of incidents, not with tasks. */
export class LostWorkTable {
  readonly #all = new Map<string, LostWork>();
  readonly #scopes = new Set<string>();

  [Symbol.iterator](): Iterator<LostWork> {
    return this.#all.values();
  }

  /** Whether the scope lost work. */
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
