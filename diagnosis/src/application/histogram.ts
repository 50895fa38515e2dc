/** Buckets per power of two: the error of a quantile is below 2.2 %. */
const PER_DOUBLING = 32;

/**
 * A histogram with buckets that grow with the value, so that its size does not depend on the number of values. The
 * order of adding does not matter.
 */
export class Histogram {
  readonly #buckets = new Map<number, number>();
  count = 0;
  sum = 0;

  add(value: number): void {
    const bucket = value < 1 ? -1 : Math.floor(Math.log2(value) * PER_DOUBLING);
    this.#buckets.set(bucket, (this.#buckets.get(bucket) ?? 0) + 1);
    this.count += 1;
    this.sum += Math.max(0, value);
  }

  /**
   * The quantile for a share, as the middle of its bucket; the median of an even number of values is the upper of the
   * two in the middle. 0 if empty.
   */
  quantile(share: number): number {
    const rank = Math.min(this.count - 1, Math.floor(share * this.count));
    let seen = 0;
    for (const [bucket, count] of [...this.#buckets].sort(([a], [b]) => a - b)) {
      seen += count;
      if (seen > rank) return bucket < 0 ? 0 : 2 ** ((bucket + 0.5) / PER_DOUBLING);
    }
    return 0;
  }

  get median(): number {
    return this.quantile(0.5);
  }
}
