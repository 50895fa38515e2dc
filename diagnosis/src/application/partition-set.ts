/** Far above any real stage: a corrupt log must not cause an allocation for 2^32 tasks. */
const MOST = 2 ** 26;

/** A set of partition numbers with one bit each: 122 KiB for a stage of a million tasks. */
export class PartitionSet {
  #words = new Uint32Array(1);
  size = 0;

  has(partition: number): boolean {
    return ((this.#words[partition >>> 5] ?? 0) & (1 << (partition & 31))) !== 0;
  }

  add(partition: number): void {
    if (!(partition >= 0 && partition < MOST) || this.has(partition)) return;
    const word = partition >>> 5;
    if (word >= this.#words.length) {
      const grown = new Uint32Array(Math.max(word + 1, this.#words.length * 2));
      grown.set(this.#words);
      this.#words = grown;
    }
    this.#words[word]! |= 1 << (partition & 31);
    this.size += 1;
  }

  delete(partition: number): void {
    if (!this.has(partition)) return;
    this.#words[partition >>> 5]! &= ~(1 << (partition & 31));
    this.size -= 1;
  }
}
