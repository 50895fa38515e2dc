import { afterEach, beforeEach, expect, it, describe } from '@jest/globals';
import { appendFile, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { findLogs, followLog } from '../src/index.js';

let folder: string;
let stop: AbortController;
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'aglais-follow-')), 'eventlog_v2_app');
  await mkdir(folder);
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await rm(join(folder, '..'), { recursive: true });
});

/** Follows the files in the directory; `until` resolves when this many lines were read. */
async function follow(path: string): Promise<{
  lines: string[];
  until: (count: number) => Promise<void>;
  done: Promise<void>;
}> {
  const [source] = await findLogs([path]);
  const lines: string[] = [];
  let check = (): void => undefined;
  const done = (async () => {
    for await (const batch of followLog(source!, { signal: stop.signal, pollMs: 20 })) {
      for (const line of batch.lines) lines.push(line.text);
      check();
    }
  })();
  const until = (count: number): Promise<void> =>
    new Promise(resolve => {
      check = () => lines.length >= count && resolve();
      check();
    });
  return { lines, until, done };
}

describe('following a log', () => {
  it('continues in new parts, and ends when Spark marks the log as complete', async () => {
    await writeFile(join(folder, 'appstatus_app.inprogress'), '');
    await writeFile(join(folder, 'events_1_app'), 'one\n');
    const { lines, until, done } = await follow(folder);
    await until(1);
    await appendFile(join(folder, 'events_1_app'), 'two\nthr');
    await until(2);
    await appendFile(join(folder, 'events_1_app'), 'ee\n');
    await writeFile(join(folder, 'events_2_app'), 'four\n');
    await until(4);
    await appendFile(join(folder, 'events_2_app'), 'five\n');
    await rename(join(folder, 'appstatus_app.inprogress'), join(folder, 'appstatus_app'));
    await done;
    expect(lines).toEqual(['one', 'two', 'three', 'four', 'five']);
  });

  it('reads what was flushed of compressed parts', async () => {
    await writeFile(join(folder, 'appstatus_app.inprogress'), '');
    await writeFile(join(folder, 'events_1_app.zstd'), zstdCompressSync('one\n'));
    const { lines, until, done } = await follow(folder);
    await until(1);
    await appendFile(join(folder, 'events_1_app.zstd'), zstdCompressSync('two\n'));
    await until(2);
    await writeFile(join(folder, 'events_2_app.zstd'), zstdCompressSync('three\n'));
    await until(2);
    await rename(join(folder, 'appstatus_app.inprogress'), join(folder, 'appstatus_app'));
    await done;
    expect(lines).toEqual(['one', 'two', 'three']);
  });

  it('of one compressed file continues in the middle of what was flushed, and delivers each line once', async () => {
    for (const [name, compress] of [
      ['zstd', zstdCompressSync],
      ['gz', gzipSync]
    ] as const) {
      const path = join(folder, `app.${name}.inprogress`);
      // Not even the first bytes exist, which identify the codec.
      await writeFile(path, '');
      const { lines, until } = await follow(path);
      const [first, second] = [compress('one\ntw'), compress('o\nthree\n')];
      await appendFile(path, first.subarray(0, 3));
      await appendFile(path, first.subarray(3));
      await until(1);
      await appendFile(path, second.subarray(0, 9));
      await appendFile(path, second.subarray(9));
      await until(3);
      expect(lines).toEqual(['one', 'two', 'three']);
    }
  });

  it('of one file continues until it is stopped', async () => {
    const path = join(folder, 'app.inprogress');
    await writeFile(path, 'one\n');
    const { lines, until, done } = await follow(path);
    await until(1);
    await appendFile(path, 'two\n');
    await until(2);
    stop.abort();
    await done;
    expect(lines).toEqual(['one', 'two']);
  });
});
