const OPEN = 1000;

/**
 * The shuffle outputs of running SQL executions. Adaptive execution runs each shuffle as a separate job: if its output
 * is lost before it is read, a stage with another id computes it again from the same RDD, and no attempt, fetch failure
 * or task shows that this is a repetition. In SQL each shuffle has an RDD of its own.
 */
export class MapOutputs {
  /** Per SQL execution: when the output of each RDD was written, ms. */
  readonly #made = new Map<string, Map<number, number>>();

  made(sql: string, rdd: number, at: number): void {
    let own = this.#made.get(sql);
    if (!own) {
      // A truncated log may lack the ends of executions: the oldest are evicted.
      if (this.#made.size >= OPEN) this.#made.delete(this.#made.keys().next().value!);
      own = new Map();
      this.#made.set(sql, own);
    }
    own.set(rdd, at);
  }

  /** When the output of this RDD was last written in this execution, ms; null if never. */
  madeAt(sql: string, rdd: number): number | null {
    return this.#made.get(sql)?.get(rdd) ?? null;
  }

  ended(sql: string): void {
    this.#made.delete(sql);
  }
}
