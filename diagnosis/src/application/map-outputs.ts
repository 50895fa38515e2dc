const OPEN = 1000;

/**
 * The shuffle outputs that SQL executions have made, while they run. Adaptive execution runs each shuffle as a job of
 * its own: if its output goes away before it is read, a stage with another id makes it again from the same RDD, and no
 * attempt, no fetch and no task says that this was done before. In SQL each shuffle has an RDD of its own.
 */
export class MapOutputs {
  /** When the output of an RDD was made, ms, by SQL execution. */
  readonly #made = new Map<string, Map<number, number>>();

  made(sql: string, rdd: number, at: number): void {
    let own = this.#made.get(sql);
    if (!own) {
      // A log that was cut in pieces may lack the ends: the oldest are given up.
      if (this.#made.size >= OPEN) this.#made.delete(this.#made.keys().next().value!);
      own = new Map();
      this.#made.set(sql, own);
    }
    own.set(rdd, at);
  }

  /** When the output of this RDD was last made in that execution, ms; null if never. */
  madeAt(sql: string, rdd: number): number | null {
    return this.#made.get(sql)?.get(rdd) ?? null;
  }

  ended(sql: string): void {
    this.#made.delete(sql);
  }
}
