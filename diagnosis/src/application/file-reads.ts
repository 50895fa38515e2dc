/** Files that an SQL execution reads, from the metrics of its scans. */
export interface FilesRead {
  files: number;
  /** 0 if this version of Spark does not report it. */
  bytes: number;
}

interface Execution extends FilesRead {
  readonly root: string;
  readonly fileCounts: Set<number>;
  readonly fileSizes: Set<number>;
}

/** Maximum number of executions; the oldest are evicted, because a log may lack their ends. */
const OPEN = 200;

/**
 * The number of files that the scans of an SQL execution read. The driver counts them during planning, before the
 * stages run; only the plan says which metrics count files.
 */
export class FileReads {
  readonly #executions = new Map<string, Execution>();

  planned(
    sql: string,
    root: string | null,
    counts: readonly number[],
    sizes: readonly number[]
  ): void {
    const known = this.#executions.get(sql);
    const execution = known ?? {
      root: root ?? sql,
      fileCounts: new Set<number>(),
      fileSizes: new Set<number>(),
      files: 0,
      bytes: 0
    };
    for (const id of counts) execution.fileCounts.add(id);
    for (const id of sizes) execution.fileSizes.add(id);
    this.#executions.set(sql, execution);
    if (this.#executions.size > OPEN) {
      this.#executions.delete(this.#executions.keys().next().value!);
    }
  }

  counted(sql: string, updates: readonly (readonly [id: number, value: number])[]): void {
    const execution = this.#executions.get(sql);
    if (!execution) return;
    for (const [id, value] of updates) {
      if (execution.fileCounts.has(id)) execution.files += value;
      if (execution.fileSizes.has(id)) execution.bytes += value;
    }
  }

  /** The sum over all executions under this root; null if none reported it. */
  of(root: string): FilesRead | null {
    const read = { files: 0, bytes: 0 };
    for (const execution of this.#executions.values()) {
      if (execution.root !== root) continue;
      read.files += execution.files;
      read.bytes += execution.bytes;
    }
    return read.files === 0 ? null : read;
  }
}
