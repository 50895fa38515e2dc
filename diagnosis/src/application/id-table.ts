/**
 * A map by small numbers for entries that come and go all the time. Not a `Map`: V8 links each of a Map's outgrown
 * tables to the next, so that one which grew old keeps all later ones alive until a full collection, and the
 * heap of a long log grows by tens of MiB.
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
