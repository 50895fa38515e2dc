/** Files that an SQL execution reads, by the metrics of its scans. */
export interface FilesRead {
  files: number;
  /** 0 if its Spark does not say it. */
  bytes: number;
}

interface Execution extends FilesRead {
  readonly root: string;
  readonly fileCounts: Set<number>;
  readonly fileSizes: Set<number>;
}

/** Executions that are remembered; the oldest are given up, for a log may lack their ends. */
const OPEN = 200;

/**
 * How many files the scans of an SQL execution read. The driver counts them as it plans, before
 * the stages run; which of its figures are files is only said in the plan.
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

  /** What all executions under that root read together; null if nobody counted. */
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
