/**
 * The Spark job tag with the run and the cell of a job. Spark does not allow commas in tags; Jupyter's cell ids are
 * `[a-zA-Z0-9-_]{1,64}`.
 */
const PREFIX = 'aglais-cell';

/**
 * A restarted kernel counts its cells from 1 again, and cells keep their ids. So that run numbers are unique, each kernel
 * generation adds a multiple of this to its execution counts (docs/decisions/009).
 */
const RUNS_PER_GENERATION = 100_000;

/** The run offset of a new kernel generation: what it adds to its execution counts after the run `newest` (0: none). */
export function nextRunOffset(newest: number): number {
  return newest === 0 ? 0 : (Math.floor(newest / RUNS_PER_GENERATION) + 1) * RUNS_PER_GENERATION;
}

/** The execution count that the notebook shows in brackets. */
export function executionCount(run: number): number {
  return run % RUNS_PER_GENERATION;
}

export interface CellTag {
  cell: string;
  run: number | null;
}

/** `aglais-cell:<run>:<cell id>` */
export function formatCellTag(cell: string, run: number): string {
  return `${PREFIX}:${run}:${cell}`;
}

const CONNECT_TAG =
  /^SparkConnect_(?:SessionTag|OperationTag)_User_.*?_Session_[0-9a-f-]{36}_(.*)$/s;

/**
 * The cell in a job's `spark.job.tags`, or null. Our own tags take precedence; otherwise a single tag that a user set
 * with `addTag` counts as a cell. Spark Connect wraps tags as
 * `SparkConnect_SessionTag_User_<u>_Session_<id>_Tag_<tag>`.
 */
export function parseCellTags(tags: string | null | undefined): CellTag | null {
  if (!tags) return null;
  const plain = tags.split(',').flatMap(tag => {
    const inner = CONNECT_TAG.exec(tag)?.[1];
    if (inner === undefined) return /^(SparkConnect_|spark-session-|$)/.test(tag) ? [] : [tag];
    return inner.startsWith('Tag_') ? [inner.slice(4)] : [];
  });
  for (const tag of plain) {
    const ours = new RegExp(`^${PREFIX}:(\\d{1,15}):(.+)$`, 's').exec(tag);
    if (ours) return { cell: ours[2]!, run: Number(ours[1]) };
  }
  return plain.length === 1 ? { cell: plain[0]!, run: null } : null;
}
