/**
 * A set of times, as disjoint spans in ascending order. Overlapping spans are merged, so that parallel work counts
 * once. The order of adding does not matter.
 */
export class TimeSpans {
  #spans: { from: number; to: number }[] = [];

  add(from: number, to: number): void {
    if (to <= from) return;
    const spans = this.#spans;
    // Spans are added roughly in order of time, so the position is near the end.
    let after = spans.length;
    while (after > 0 && spans[after - 1]!.from > to) after -= 1;
    let first = after;
    while (first > 0 && spans[first - 1]!.to >= from) first -= 1;
    const merged = spans.slice(first, after);
    spans.splice(first, merged.length, {
      from: Math.min(from, ...merged.map(span => span.from)),
      to: Math.max(to, ...merged.map(span => span.to))
    });
  }

  addAll(other: TimeSpans): void {
    for (const { from, to } of other.#spans) this.add(from, to);
  }

  /** Sum of the lengths, ms. */
  get length(): number {
    return this.#spans.reduce((sum, { from, to }) => sum + to - from, 0);
  }
}
