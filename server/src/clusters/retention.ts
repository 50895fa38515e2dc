/** How long ended clusters are kept, with their findings and cell runs. */
export interface RetentionPolicy {
  /** From the end of a cluster, ms. */
  maxAgeMs: number;
  /** Number of clusters per notebook, the latest ones. */
  perNotebook: number;
}

/** An unused spare is only kept for operators to see why it ended, ms. */
const SPARE_MS = 3_600_000;

export interface EndedCluster {
  id: string;
  kernel: string;
  /** Empty if unknown. */
  notebook: string;
  jupyterServer: string | null;
  /** ms since the epoch. */
  stoppedAt: number;
  /** It was never used. */
  isSpare: boolean;
}

/**
 * The ended clusters to delete now: those that ended too long ago, and all but the latest ones of each notebook.
 * Notebooks do not influence each other, and a cluster's age counts from its end.
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
