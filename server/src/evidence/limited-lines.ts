import { setImmediate as nextTurn } from 'node:timers/promises';
import { growingBytes, Line, LineSplitter, START } from '@aglais/diagnosis';
import { openPlainFile } from './plain-file.js';
import { ReadRate } from './read-rate.js';
import type { ReadingLimits } from './reading-limits.js';

/** Change notifications are reliable only for a limited number of files. */
const POLL_MS = 5_000;
/** Maximum number of lines between two turns of the event loop: 128,000 empty lines fit into one chunk of a file. */
const LINES_PER_TURN = 1_000;

export interface Until {
  /** Ends the reading immediately; the last bytes may be unread. */
  abort: AbortSignal;
  /** Aborted when the writer is gone: reading ends when everything was read. Not needed if that is never known. */
  over?: AbortSignal;
}

/**
 * The lines of a file that user code can write to, as they are written: within limits, and of a regular file only. A
 * line over the limit is truncated, and `lost` says how much was skipped.
 * @param onFileLimit called when the file is longer than its limit; reading has ended then
 */
export async function* limitedLines(
  path: string,
  limits: ReadingLimits,
  { abort, over }: Until,
  onFileLimit: () => void | Promise<void>
): AsyncGenerator<Line> {
  const bytesRate = new ReadRate(limits.bytes);
  const linesRate = new ReadRate(limits.lines);
  const { fileBytes, lineBytes } = limits;
  const splitter = new LineSplitter(START, {
    longest: lineBytes,
    long: lineBytes,
    wanted: () => true
  });
  let read = 0;
  let lines = 0;
  const options = {
    signal: abort,
    watchedPollMs: POLL_MS,
    open: openPlainFile,
    ...(over && { over, ended: () => Promise.resolve(over.aborted) })
  };
  for await (const chunk of growingBytes(path, options)) {
    const part = chunk.subarray(0, fileBytes - read);
    read += part.length;
    await bytesRate.take(part.length, abort);
    for (const line of splitter.push(part)) {
      if (abort.aborted) return;
      yield line;
      lines += 1;
      if (lines % LINES_PER_TURN > 0) continue;
      await linesRate.take(LINES_PER_TURN, abort);
      await nextTurn();
    }
    if (read >= fileBytes) {
      await onFileLimit();
      return;
    }
  }
}
