import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { findLogs, readLog } from '../src/index.js';
import { FIXTURES, fixture, lines, read, readPath } from './log-fixtures.js';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aglais-logs-'));
});

afterEach(() => rm(folder, { recursive: true }));

describe('logs at a path', () => {
  const write = async (path: string, content: string | Buffer): Promise<void> => {
    await mkdir(join(folder, path, '..'), { recursive: true });
    await writeFile(join(folder, path), content);
  };
  const one = '{"Event":"SparkListenerLogStart","Spark Version":"3.5.1"}\n';

  it('a rolling directory is one log, in the order of its indices', async () => {
    for (const i of [1, 2, 10]) await write(`eventlog_v2_app-7/events_${i}_app-7`, `line ${i}\n`);
    for (let i = 3; i < 10; i += 1) {
      await write(`eventlog_v2_app-7/events_${i}_app-7.zstd`, zstdCompressSync(`line ${i}\n`));
    }
    await write('eventlog_v2_app-7/appstatus_app-7.inprogress', '');
    const [source, ...others] = await findLogs([folder]);
    expect(others).toEqual([]);
    expect(source).toMatchObject({
      name: 'app-7',
      kind: 'rolling',
      inProgress: true,
      directory: join(folder, 'eventlog_v2_app-7')
    });
    const got = await read(source!);
    expect(got.lines).toEqual(Array.from({ length: 10 }, (_, i) => `line ${i + 1}`));
    expect(got.problems).toEqual([]);
    expect(got.places[9]).toBe(join(folder, 'eventlog_v2_app-7/events_10_app-7:1'));
  });

  it('a compacted file replaces the parts up to its index', async () => {
    for (const i of [1, 2, 3, 4]) await write(`eventlog_v2_a/events_${i}_a`, `line ${i}\n`);
    await write('eventlog_v2_a/events_3_a.compact', 'compact\n');
    await write('eventlog_v2_a/appstatus_a', '');
    expect(await readPath(join(folder, 'eventlog_v2_a'))).toMatchObject({
      lines: ['compact', 'line 4'],
      problems: []
    });
  });

  it('a missing part is a problem, and the others are read', async () => {
    for (const i of [1, 3]) await write(`eventlog_v2_a/events_${i}_a`, `line ${i}\n`);
    const got = await readPath(join(folder, 'eventlog_v2_a'));
    expect(got.lines).toEqual(['line 1', 'line 3']);
    expect(got.problems).toMatchObject([
      { line: 0, message: expect.stringContaining('events_2_') }
    ]);
  });

  it('delivered parts are one log, by date, the one without a date last', async () => {
    await write('eventlog', 'newest\n');
    await write('eventlog-2024-02-01--00-00.gz', gzipSync('third\n'));
    await write('eventlog-2024-01-31--23-00.gz', gzipSync('second\n'));
    await write('eventlog-2024-01-31--22-00.gz', gzipSync('first\n'));
    const [source] = await findLogs([folder]);
    expect(source).toMatchObject({ kind: 'delivered' });
    expect((await read(source!)).lines).toEqual(['first', 'second', 'third', 'newest']);
  });

  it('a corrupt part is a problem, and the next part is read', async () => {
    const damaged = gzipSync('first\n'.repeat(1000)).subarray(0, -9);
    await write('eventlog-2024-01-31--22-00.gz', damaged);
    await write('eventlog', 'newest\n');
    const got = await read((await findLogs([folder]))[0]!);
    expect(got.lines.at(-1)).toBe('newest');
    expect(got.problems).toHaveLength(1);
  });

  it('a directory of logs is searched, and other files are skipped', async () => {
    await write('app-1.zstd', zstdCompressSync(one));
    await write('deeper/local-2.inprogress', one);
    await write('deeper/driver.log', 'INFO nothing\n');
    await write('deeper/.app-1.crc', one);
    await write('deeper/empty', '');
    await write('deeper/eventlog_v2_app-3/events_1_app-3', one);
    await write('deeper/eventlog_v2_app-3/appstatus_app-3', '');
    await symlink(folder, join(folder, 'deeper', 'loop'));
    const sources = await findLogs([folder]);
    expect(sources.map(({ name, kind, inProgress }) => [name, kind, inProgress])).toEqual([
      ['app-1', 'file', false],
      ['local-2', 'file', true],
      ['app-3', 'rolling', false]
    ]);
  });

  it("the History Server's download of a rolling log is one log", async () => {
    const path = join(FIXTURES, 'rolling.zip');
    const got = await readPath(path);
    expect(got).toMatchObject({ lines, problems: [] });
    expect(got.places[0]).toBe(`${path}!eventlog_v2_app/events_1_app:1`);
  });

  it('a truncated zip gives what precedes the truncation', async () => {
    const path = join(folder, 'cut.zip');
    await writeFile(path, await readFile(join(FIXTURES, 'rolling.zip')));
    await truncate(path, 1500);
    const got = await readPath(path);
    expect(got.lines.length).toBeGreaterThan(2);
    expect(got.lines).toEqual(lines.slice(0, got.lines.length));
    expect(got.problems.map(({ message }) => message)).toEqual([
      expect.stringContaining('zip'),
      expect.stringContaining('cut off')
    ]);
  });

  it('an empty zip and an empty file are logs without lines', async () => {
    await write('empty', '');
    expect(await readPath(join(folder, 'empty'))).toMatchObject({ lines: [], problems: [] });
    await write('bad.zip', Buffer.from('PK\x03\x04 and no more'));
    const got = await readPath(join(folder, 'bad.zip'));
    expect(got.lines).toEqual([]);
    expect(got.problems).toHaveLength(1);
  });

  it('a path that does not exist is an error', async () => {
    await expect(findLogs([join(folder, 'none')])).rejects.toThrow('ENOENT');
  });

  it('a log without a line break at its end is read completely', async () => {
    await write('app', one.trim());
    expect(await readPath(join(folder, 'app'))).toMatchObject({
      lines: [one.trim()],
      problems: []
    });
  });

  it('progress is reported in bytes read and in total', async () => {
    const told: [number, number | null][] = [];
    const [source] = await findLogs([fixture('zstd')]);
    const onProgress = (bytes: number, total: number | null): number => told.push([bytes, total]);
    for await (const batch of readLog(source!, { onProgress })) expect(batch.problem).toBeNull();
    expect(told.at(-1)).toEqual([source!.bytes, source!.bytes]);
  });
});
