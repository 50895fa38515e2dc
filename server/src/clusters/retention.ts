/** What is kept of clusters that have ended, with their findings and cell runs. */
export interface RetentionPolicy {
  /** From the end of a cluster on, ms. */
  maxAgeMs: number;
  /** Of one notebook, the clusters that ended last. */
  perNotebook: number;
}

/** An unused spare is kept only so long that an operator can see why it ended, ms. */
const SPARE_MS = 3_600_000;

export interface EndedCluster {
  id: string;
  kernel: string;
  /** Empty if nobody knows it. */
  notebook: string;
  jupyterServer: string | null;
  /** ms since the epoch. */
  stoppedAt: number;
  /** Nobody ever used it. */
  isSpare: boolean;
}

/**
 * The ended clusters that are forgotten now: those that ended too long ago, and of each notebook all but the last. What other
 * notebooks do has no influence, and a cluster's age counts from its end.
 */
export function expiredClusters(
  ended: readonly EndedCluster[],
  { maxAgeMs, perNotebook }: RetentionPolicy,
  now: number
): string[] {
  const kept = new Map<string, number>();
  const newestFirst = [...ended].sort((a, b) => b.stoppedAt - a.stoppedAt);
  return newestFirst.flatMap(({ id, kernel, notebook, jupyterServer, stoppedAt, isSpare }) => {
    if (isSpare) return now - stoppedAt > SPARE_MS ? [id] : [];
    const owner = notebook === '' ? `kernel ${kernel}` : `${jupyterServer ?? ''} ${notebook}`;
    const count = (kept.get(owner) ?? 0) + 1;
    kept.set(owner, count);
    return now - stoppedAt > maxAgeMs || count > perNotebook ? [id] : [];
  });
}
