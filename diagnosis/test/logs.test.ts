import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { mkdir, mkdtemp, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { decodeLz4Block } from '../src/codecs/lz4.js';
import { decodeLzfChunk } from '../src/codecs/lzf.js';
import { decodeSnappyBlock } from '../src/codecs/snappy.js';
import { Damage } from '../src/codecs/corrupt-data.js';
import {
  diagnoseFiles,
  Diagnosis,
  findLogs,
  Line,
  LineSplitter,
  observeEventLine,
  readLog,
  START,
  type LogSource
} from '../src/index.js';

const FIXTURES = join(import.meta.dirname, 'logs');
/** What Spark's own codecs wrote (`MakeLogs.java`): two streams each. */
const CODECS = ['gz', 'zstd', 'lz4', 'snappy', 'lzf'] as const;
const fixture = (codec: string): string => join(FIXTURES, `app.${codec}`);
const plain = gunzipSync(await readFile(fixture('gz'))).toString('utf8');
const lines = plain.split('\n').slice(0, -1);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aglais-logs-'));
});
afterEach(() => rm(folder, { recursive: true }));

interface Read {
  lines: string[];
  /** File and number of each line. */
  places: string[];
  problems: { file: string; line: number; message: string }[];
}

async function read(source: LogSource): Promise<Read> {
  const got: Read = { lines: [], places: [], problems: [] };
  for await (const batch of readLog(source)) {
    for (const line of batch.lines) {
      got.lines.push(line.text);
      got.places.push(`${batch.file}:${line.number}`);
    }
    if (batch.problem) got.problems.push({ file: batch.file, ...batch.problem });
  }
  return got;
}

async function readPath(path: string): Promise<Read> {
  const sources = await findLogs([path]);
  expect(sources).toHaveLength(1);
  return read(sources[0]!);
}

describe('a log that Spark compressed', () => {
  for (const codec of CODECS) {
    it(`with ${codec} is read to the end of its last stream, whatever its name`, async () => {
      const path = join(folder, 'nothing-tells');
      await writeFile(path, await readFile(fixture(codec)));
      expect(await readPath(path)).toMatchObject({ lines, problems: [] });
    });

    it(`with ${codec} and cut anywhere gives what is before the cut, and one problem`, async () => {
      const bytes = await readFile(fixture(codec));
      const path = join(folder, 'cut');
      let before = -1;
      const step = Math.ceil(bytes.length / 40);
      for (let length = 0; length <= bytes.length; length += step) {
        await writeFile(path, bytes.subarray(0, length));
        const got = await readPath(path);
        expect(got.lines).toEqual(lines.slice(0, got.lines.length));
        expect(got.problems.length).toBeLessThanOrEqual(1);
        for (const { line } of got.problems) expect(line).toBe(got.lines.length + 1);
        expect(got.lines.length).toBeGreaterThanOrEqual(before);
        before = got.lines.length;
      }
      // The first of the two streams is there when half of the bytes are and some.
      await writeFile(path, bytes.subarray(0, bytes.length - 1));
      const almost = await readPath(path);
      expect(almost.lines.length).toBeGreaterThanOrEqual(Math.floor(lines.length / 2));
      expect(almost.problems).toHaveLength(codec === 'lz4' ? almost.problems.length : 1);
    });

    it(`with ${codec} and damaged anywhere never throws and never makes up a line before it`, async () => {
      const bytes = await readFile(fixture(codec));
      const path = join(folder, 'damaged');
      await fc.assert(
        fc.asyncProperty(
          fc.nat(bytes.length - 1),
          fc.integer({ min: 1, max: 255 }),
          async (at, x) => {
            const damaged = Buffer.from(bytes);
            damaged[at]! ^= x;
            await writeFile(path, damaged);
            const got = await readPath(path);
            expect(got.problems.length).toBeLessThanOrEqual(1);
          }
        ),
        { numRuns: 30 }
      );
    });
  }

  it('in any number of zstd frames and skippable frames is read whole', async () => {
    const path = join(folder, 'frames');
    const skippable = Buffer.from([0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ maxLength: 3000 }), { minLength: 1, maxLength: 40 }),
        async texts => {
          const clean = texts.map(text => `${text.replace(/[\r\n]/g, '')}.`);
          const frames = clean.flatMap(text => [skippable, zstdCompressSync(`${text}\n`)]);
          await writeFile(path, Buffer.concat(frames));
          expect(await readPath(path)).toMatchObject({ lines: clean, problems: [] });
        }
      ),
      { numRuns: 20 }
    );
  });

  it('with gzip gives all that was before damage, to the last line', async () => {
    const many = Array.from({ length: 20_000 }, (_, i) => `{"Event":"line ${i * 7919}"}`);
    const bytes = gzipSync(`${many.join('\n')}\n`);
    const path = join(folder, 'garbage');
    await writeFile(path, Buffer.concat([bytes, Buffer.from('this is no gzip member')]));
    const got = await readPath(path);
    expect(got.lines).toEqual(many);
    expect(got.problems).toMatchObject([
      { file: path, line: 20_001, message: expect.stringContaining('damaged gzip') }
    ]);
  });

  it('with gzip may be padded with zeros', async () => {
    const path = join(folder, 'padded');
    await writeFile(path, Buffer.concat([gzipSync('one\n'), Buffer.alloc(512)]));
    expect(await readPath(path)).toMatchObject({ lines: ['one'], problems: [] });
  });
});

describe('damaged blocks', () => {
  const decoders: [string, (bytes: Uint8Array, length: number) => unknown][] = [
    ['lz4', decodeLz4Block],
    ['snappy', decodeSnappyBlock],
    ['lzf', decodeLzfChunk]
  ];
  for (const [name, decoder] of decoders) {
    it(`of ${name} give the right length or are called damaged`, () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(300), (bytes, length) => {
          try {
            const out = decoder(bytes, length) as Buffer;
            if (name !== 'snappy') expect(out).toHaveLength(length);
          } catch (error) {
            expect(error).toBeInstanceOf(Damage);
          }
        }),
        { numRuns: 2000 }
      );
    });
  }
});

describe('what is at a path', () => {
  const write = async (path: string, content: string | Buffer): Promise<void> => {
    await mkdir(join(folder, path, '..'), { recursive: true });
    await writeFile(join(folder, path), content);
  };
  const one = '{"Event":"SparkListenerLogStart","Spark Version":"3.5.1"}\n';

  it('a rolling directory is one log, in the order of numbers', async () => {
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

  it('a compacted file stands for the parts up to its number', async () => {
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

  it('a damaged part is a problem, and the next part is read', async () => {
    const damaged = gzipSync('first\n'.repeat(1000)).subarray(0, -9);
    await write('eventlog-2024-01-31--22-00.gz', damaged);
    await write('eventlog', 'newest\n');
    const got = await read((await findLogs([folder]))[0]!);
    expect(got.lines.at(-1)).toBe('newest');
    expect(got.problems).toHaveLength(1);
  });

  it('a directory of logs is looked through, and what is no log is left out', async () => {
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

  it('a zip that is cut off gives what is before the cut', async () => {
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

  it('a zip of nothing, and a file of nothing, are logs without lines', async () => {
    await write('empty', '');
    expect(await readPath(join(folder, 'empty'))).toMatchObject({ lines: [], problems: [] });
    await write('bad.zip', Buffer.from('PK\x03\x04 and no more'));
    const got = await readPath(join(folder, 'bad.zip'));
    expect(got.lines).toEqual([]);
    expect(got.problems).toHaveLength(1);
  });

  it('a path that is not there is an error', async () => {
    await expect(findLogs([join(folder, 'none')])).rejects.toThrow('ENOENT');
  });

  it('a log without a line break at its end is read whole', async () => {
    await write('app', one.trim());
    expect(await readPath(join(folder, 'app'))).toMatchObject({
      lines: [one.trim()],
      problems: []
    });
  });

  it('is told how much was read of how much', async () => {
    const told: [number, number | null][] = [];
    const [source] = await findLogs([fixture('zstd')]);
    const onProgress = (bytes: number, total: number | null): number => told.push([bytes, total]);
    for await (const batch of readLog(source!, { onProgress })) expect(batch.problem).toBeNull();
    expect(told.at(-1)).toEqual([source!.bytes, source!.bytes]);
  });
});

describe('a whole diagnosis', () => {
  it('is the same whatever the log is packed in', async () => {
    const reference = await diagnoseFiles({ eventLogs: [fixture('gz')] });
    expect(reference.application).toMatchObject({ sparkVersion: '4.0.5', complete: true });
    for (const path of [...CODECS.map(fixture), join(FIXTURES, 'rolling.zip')]) {
      const diagnosis = await diagnoseFiles({ eventLogs: [path] });
      expect(diagnosis.application).toEqual(reference.application);
      expect(diagnosis.problems.count).toBe(0);
      expect(diagnosis.executors()).toEqual(reference.executors());
    }
  });
});

describe('lines of any length', () => {
  const limits = { long: 100, longest: 1000 };
  const cut = (chunks: string[], wanted: boolean): [string, number][] => {
    const splitter = new LineSplitter(START, { ...limits, wanted: () => wanted });
    const lines = chunks.flatMap(chunk => [...splitter.push(Buffer.from(chunk))]);
    return lines.map(line => [line.text, line.lost]);
  };

  it('are kept up to a limit, and what is beyond is counted', () => {
    const chunks = Array.from({ length: 50 }, () => 'x'.repeat(50));
    const [[text, lost], next] = cut([...chunks, 'y\nnext\n'], true) as [[string, number], unknown];
    expect(text.length + lost).toBe(50 * 50 + 1);
    expect(text.length).toBeLessThanOrEqual(limits.longest);
    expect(next).toEqual(['next', 0]);
  });

  it('are let go early if nobody wants them', () => {
    const chunks = Array.from({ length: 50 }, () => 'x'.repeat(50));
    const [[text, lost]] = cut([...chunks, 'y\n'], false) as [[string, number]];
    expect(text.length).toBeLessThanOrEqual(limits.long + 50);
    expect(text.length + lost).toBe(50 * 50 + 1);
  });

  it('that are too long are a problem, unless the event is of no use anyway', () => {
    const diagnosis = new Diagnosis();
    const line = (event: string): Line =>
      new Line(Buffer.from(`{"Event":"${event}",`), 7, 0, 2 ** 29);
    observeEventLine(diagnosis, line('SparkListenerTaskEnd'), 'log:7');
    observeEventLine(diagnosis, line('SomethingNew'), 'log:8');
    expect(diagnosis.problems.first).toEqual([
      { file: 'log', line: 7, message: 'a line of 512 MiB is too long to be read' }
    ]);
    expect([...diagnosis.skippedEvents]).toEqual([['SomethingNew', 1]]);
  });
});
