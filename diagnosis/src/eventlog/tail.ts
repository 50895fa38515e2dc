import { growingBytes, type GrowingOptions } from './growing-file.js';
import { LineSplitter, START, type Line, type Position } from './line-splitter.js';

export interface TailOptions extends GrowingOptions {
  /** Where to go on; take it from the last line's `next`. Default: the beginning. */
  from?: Position;
}

/**
 * Follows a file that is being written and yields each line as soon as its line break is there
 * (a half-written last line is kept back). Waits for a file that does not exist yet.
 * The file stays open, so that Spark may rename it (`.inprogress`) under the tail.
 * Ends by the signal, without an error (what was written before an abort may then be unread), or by `ended`.
 * @throws the file system's error if the file exists and cannot be read.
 */
export async function* tail(path: string, options: TailOptions = {}): AsyncGenerator<Line> {
  const { from = START, signal } = options;
  const splitter = new LineSplitter(from);
  for await (const chunk of growingBytes(path, options, from.offset)) {
    for (const line of splitter.push(chunk)) {
      if (signal?.aborted) return;
      yield line;
    }
  }
}
