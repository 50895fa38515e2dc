/** The value that `share` (0–1) of all values do not exceed; nearest rank. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

export const median = (values: readonly number[]) => percentile(values, 0.5);

export const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;

/** Rows with aligned columns under a heading. */
export function printTable(heading: string, rows: readonly (readonly string[])[]): void {
  const widths = rows.reduce<number[]>(
    (best, row) => row.map((cell, i) => Math.max(best[i] ?? 0, cell.length)),
    []
  );
  console.log(`\n${heading}`);
  for (const row of rows) {
    console.log(
      `  ${row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd()}`
    );
  }
}
