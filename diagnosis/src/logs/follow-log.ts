import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { codecOf, MAGIC_BYTES } from '../codecs/codec.js';
import { tail } from '../eventlog/tail.js';
import { headOfFile } from './file-bytes.js';
import type { LogSource } from './log-source.js';
import { rollingOrder, rollingPart } from './names.js';
import { readLog, type LogBatch, type ReadOptions } from './read-log.js';

export interface FollowOptions extends ReadOptions {
  /** Look for more at least this often (ms), for file systems that do not tell of changes. */
  pollMs?: number;
}

/**
 * Reads a log and goes on as Spark writes it: a file, or a rolling directory with the parts that appear in it.
 * Ends by the signal; a rolling log also when Spark says that it is complete. A compressed part is read
 * when it is whole, because codecs keep back what they have not filled a block with; a single compressed
 * file, a delivered log or a stream is read to the end that it has now.
 * @throws the file system's error if the rolling directory goes away.
 */
export async function* followLog(
  source: LogSource,
  options: FollowOptions = {}
): AsyncGenerator<LogBatch> {
  if (source.directory !== null) {
    yield* followRolling(source, source.directory, options);
    return;
  }
  const [part] = source.parts;
  const grows = source.kind === 'file' && part !== undefined && !part.entry;
  if (grows && (await isPlain(part.file))) yield* followFile(part.file, options);
  else yield* readLog(source, options);
}

async function* followRolling(
  source: LogSource,
  directory: string,
  options: FollowOptions
): AsyncGenerator<LogBatch> {
  const { signal, pollMs = 500 } = options;
  let done = 0;
  while (!signal?.aborted) {
    // First the state, then the parts: a part that comes between is seen in the next round.
    const { names, complete } = await stateOf(directory);
    const next = names.find(name => rollingPart(name)!.index > done);
    if (next === undefined) {
      if (complete) return;
      await sleep(pollMs, undefined, signal ? { signal } : {}).catch(() => undefined);
      continue;
    }
    const { index } = rollingPart(next)!;
    const path = join(directory, next);
    const ended = async (): Promise<boolean> => {
      const state = await stateOf(directory);
      return state.complete || state.names.some(name => rollingPart(name)!.index > index);
    };
    if ((await headOfFile(path, MAGIC_BYTES)).length > 0 && !(await isPlain(path))) {
      while (!(await ended()) && !signal?.aborted) {
        await sleep(pollMs, undefined, signal ? { signal } : {}).catch(() => undefined);
      }
      yield* readLog({ ...source, problems: [], parts: [{ path, file: path }] }, options);
    } else {
      yield* followFile(path, options, ended);
    }
    done = index;
  }
}

/** The parts that are there, and whether Spark says that no more will come. */
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
  const lines = tail(path, {
    ...(signal && { signal }),
    ...(pollMs !== undefined && { pollMs }),
    ...(ended && { ended })
  });
  for await (const line of lines) yield { file: path, lines: [line], problem: null };
}

async function isPlain(path: string): Promise<boolean> {
  return codecOf(await headOfFile(path, MAGIC_BYTES)) === 'plain';
}
