import { Buffer } from 'node:buffer';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { codecOf, mayBeCodec } from '../codecs/codec.js';
import { growingBytes, type GrowingOptions } from '../eventlog/growing-file.js';
import { tail } from '../eventlog/tail.js';
import { decoded } from './decoded-bytes.js';
import type { LogSource } from './log-source.js';
import { rollingOrder, rollingPart } from './log-file-names.js';
import { linesOf, readLog, type LogBatch, type ReadOptions } from './read-log.js';

export interface FollowOptions extends ReadOptions {
  /** Poll interval for file systems without change notifications, ms. */
  pollMs?: number;
}

/**
 * Reads a log and follows it while Spark writes it: a file, or a rolling directory with the parts that appear in it. Of
 * compressed files it delivers what the codec has written: with zstd what Spark has flushed, with the others whole
 * blocks. Ends when aborted; a rolling log also when Spark marks it as complete. A delivered log or a stream is read to
 * its current end.
 * @throws the error of the file system if the rolling directory is removed
 */
export async function* followLog(
  source: LogSource,
  options: FollowOptions = {}
): AsyncGenerator<LogBatch> {
  if (source.directory !== null) {
    yield* followRolling(source.directory, options);
    return;
  }
  const [part] = source.parts;
  const grows = source.kind === 'file' && part !== undefined && !part.entry;
  yield* grows ? followFile(part.file, options) : readLog(source, options);
}

async function* followRolling(directory: string, options: FollowOptions): AsyncGenerator<LogBatch> {
  const { signal, pollMs = 500 } = options;
  let done = 0;
  while (!signal?.aborted) {
    // First the state, then the parts: a part that appears in between is seen in the next iteration.
    const { names, complete } = await stateOf(directory);
    const next = names.find(name => rollingPart(name)!.index > done);
    if (next === undefined) {
      if (complete) return;
      await sleep(pollMs, undefined, signal ? { signal } : {}).catch(() => undefined);
      continue;
    }
    const { index } = rollingPart(next)!;
    yield* followFile(join(directory, next), options, async () => {
      const state = await stateOf(directory);
      return state.complete || state.names.some(name => rollingPart(name)!.index > index);
    });
    done = index;
  }
}

/** The existing parts, and whether Spark marks the log as complete. */
async function stateOf(directory: string): Promise<{ names: string[]; complete: boolean }> {
  const all = await readdir(directory);
  const complete = all.some(name => /^appstatus_/.test(name) && !name.endsWith('.inprogress'));
  return { names: rollingOrder(all).names, complete };
}

async function* followFile(
  path: string,
  { signal, pollMs }: FollowOptions,
  ended?: () => Promise<boolean>
): AsyncGenerator<LogBatch> {
  const options: GrowingOptions = {
    ...(signal && { signal }),
    ...(pollMs !== undefined && { pollMs }),
    ...(ended && { ended })
  };
  if (await isPlain(path, options)) {
    for await (const line of tail(path, options))
      yield { file: path, lines: [line], problem: null };
  } else {
    yield* linesOf(
      path,
      decoded(() => growingBytes(path, options)),
      signal
    );
  }
}

/** Detects the codec by the first bytes, for which it waits. */
async function isPlain(path: string, options: GrowingOptions): Promise<boolean> {
  let head = Buffer.alloc(0);
  for await (const chunk of growingBytes(path, options)) {
    head = Buffer.concat([head, chunk]);
    if (!mayBeCodec(head)) break;
  }
  return codecOf(head) === 'plain';
}
