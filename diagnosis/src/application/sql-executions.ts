import { parseCellTags, type Evidence } from '@aglais/protocol';
import { cellKey } from './scopes.js';

/** An SQL execution that failed by itself, without a failed job. */
export interface SqlFailure {
  /** Key of its scope. */
  scope: string;
  evidence: Evidence;
  /** One of its jobs failed and reports the error. */
  byJob: boolean;
}

interface Open {
  /** Key of the scope of its jobs, once it has any. */
  scope: string | null;
  /** The root execution; its own id if it is the root. */
  root: string;
  tags: string | null;
}

const QUOTE = 1000;
const OPEN = 1000;
const FAILURES = 500;

/** DAGScheduler's message in the error of an execution, itself or as a cause. */
const BY_JOB = /Job aborted|stage failure|Job \d+ cancelled|SPARK_JOB_CANCELLED/;
/** The decisive message, if it is further down than the quoted part. */
const CAUSE =
  /^Caused by: (?:java\.lang\.OutOfMemoryError|[\w.$]*IOException: (?:No space left on device|Stale (?:NFS )?file handle))[^\n]*/m;

/**
 * The scopes of running SQL executions, and failed executions. The driver can fail one without any failed job: a
 * broadcast that is too large, a timeout, a full heap while planning.
 */
export class SqlExecutions {
  readonly #open = new Map<string, Open>();
  readonly failures: SqlFailure[] = [];

  began(sql: string, root: string | null, tags: string | null): void {
    this.#get(sql, root ?? sql).tags = tags;
  }

  workedFor(sql: string | null, scope: string): void {
    if (sql !== null) this.#get(sql, sql).scope ??= scope;
  }

  /**
   * @param scopeOf the scope key of an execution without jobs, by its tags
   * @returns whether it failed
   */
  ended(
    sql: string,
    error: string | null,
    at: number,
    ref: string,
    scopeOf: (sql: string, tags: string | null) => string
  ): boolean {
    const own = this.#open.get(sql) ?? { scope: null, root: sql, tags: null };
    const root = this.#open.get(own.root) ?? own;
    this.#open.delete(sql);
    if (error === null || error === '' || this.failures.length >= FAILURES) return false;
    const scope = own.scope ?? root.scope ?? scopeOf(own.root, root.tags ?? own.tags);
    const head = error.slice(0, QUOTE);
    const quote = CAUSE.test(head) ? head : (CAUSE.exec(error)?.[0].slice(0, QUOTE) ?? head);
    const evidence: Evidence = { source: 'eventlog', at, quote, ref };
    this.failures.push({ scope, evidence, byJob: BY_JOB.test(error) });
    return true;
  }

  /** Keys of the scopes with a running execution, even if no job is running. */
  runningScopes(): Set<string> {
    const keys = [...this.#open].map(([, { scope, root, tags }]) => {
      const tag = parseCellTags(tags);
      return scope ?? (tag ? cellKey(tag.cell, tag.run) : `sql:${root}`);
    });
    return new Set(keys);
  }

  #get(sql: string, root: string): Open {
    let open = this.#open.get(sql);
    if (!open) {
      // A truncated log may lack the ends of executions: the oldest are evicted.
      if (this.#open.size >= OPEN) this.#open.delete(this.#open.keys().next().value!);
      this.#open.set(sql, (open = { scope: null, root, tags: null }));
    }
    return open;
  }
}
