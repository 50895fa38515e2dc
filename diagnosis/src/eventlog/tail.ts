import { growingBytes, type GrowingOptions } from './growing-file.js';
import { LineSplitter, START, type Line, type Position } from './line-splitter.js';

export interface TailOptions extends GrowingOptions {
  /** Where to resume: the `next` of the last line. Default: the start. */
  from?: Position;
}

/**
 * Follows a file that is being written and yields each line as soon as its line break was written. Waits for a file
 * that does not exist yet; keeps it open, because Spark may rename it (`.inprogress`). Ends without an error when
 * aborted (the last bytes may then be unread), or by `ended`.
 * @throws the error of the file system if the file exists and cannot be read
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
