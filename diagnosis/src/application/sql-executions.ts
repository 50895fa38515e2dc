import type { Evidence } from '@aglais/protocol';

/** An SQL execution that ended with an error of its own. */
export interface SqlFailure {
  /** Key of the scope that it worked for. */
  scope: string;
  evidence: Evidence;
}

const QUOTE = 1000;
const OPEN = 1000;
const FAILURES = 500;

/**
 * Whom SQL executions work for, while they run, and how they failed. The driver itself can fail one
 * without any job of it failing: a broadcast that is too large, a timeout.
 */
export class SqlExecutions {
  readonly #open = new Map<string, string>();
  readonly failures: SqlFailure[] = [];

  workedFor(sql: string | null, scope: string): void {
    if (sql === null || this.#open.has(sql)) return;
    // A log that was cut in pieces may lack the ends: the oldest are given up.
    if (this.#open.size >= OPEN) this.#open.delete(this.#open.keys().next().value!);
    this.#open.set(sql, scope);
  }

  /** @returns whether it failed. */
  ended(sql: string, error: string | null, at: number, ref: string): boolean {
    const scope = this.#open.get(sql) ?? `sql:${sql}`;
    this.#open.delete(sql);
    if (error === null || error === '' || this.failures.length >= FAILURES) return false;
    const quote = error.slice(0, QUOTE);
    this.failures.push({ scope, evidence: { source: 'eventlog', at, quote, ref } });
    return true;
  }
}
