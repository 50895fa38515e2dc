/**
 * A map with small integer keys for entries with a high turnover. Not a `Map`: V8 links each outgrown table of a Map to
 * the next one, so a table in the old generation keeps all later ones alive until a full collection, and the heap grows
 * by tens of MiB while reading a long log.
 */
export class IdTable<T> {
  readonly #entries = Object.create(null) as Record<number, T>;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: number): T | undefined {
    return this.#entries[id];
  }

  has(id: number): boolean {
    return this.#entries[id] !== undefined;
  }

  set(id: number, entry: T & NonNullable<unknown>): void {
    if (this.#entries[id] === undefined) this.#size += 1;
    this.#entries[id] = entry;
  }

  delete(id: number): void {
    if (this.#entries[id] === undefined) return;
    delete this.#entries[id];
    this.#size -= 1;
  }
}
