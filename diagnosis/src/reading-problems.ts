/** A piece of evidence that could not be read. Everything else is used. */
export interface Problem {
  /** The file or other source of the evidence. */
  file: string;
  /** Line number from 1; 0 if the problem is the file itself. */
  line: number;
  message: string;
}

const KEPT = 100;

/** Counts all problems and keeps the first hundred, so that a corrupt log cannot fill the memory. */
export class Problems {
  count = 0;
  readonly first: Problem[] = [];

  add(problem: Problem): void {
    this.count += 1;
    if (this.first.length < KEPT) this.first.push(problem);
  }
}

/** Splits a ref such as `events.jsonl:17` into file and line; line 0 if it has none. */
export function placeOf(ref: string): { file: string; line: number } {
  const match = /^(.*):(\d+)$/s.exec(ref);
  return match ? { file: match[1]!, line: Number(match[2]) } : { file: ref, line: 0 };
}
