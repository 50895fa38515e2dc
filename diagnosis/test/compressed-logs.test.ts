import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { decodeLz4Block } from '../src/codecs/lz4.js';
import { decodeLzfChunk } from '../src/codecs/lzf.js';
import { decodeSnappyBlock } from '../src/codecs/snappy.js';
import { CorruptData } from '../src/codecs/corrupt-data.js';
import { CODECS, fixture, lines, readPath } from './log-fixtures.js';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aglais-logs-'));
});

afterEach(() => rm(folder, { recursive: true }));

describe('a compressed log of Spark', () => {
  for (const codec of CODECS) {
    it(`with ${codec} is read to the end of its last stream, whatever its name`, async () => {
      const path = join(folder, 'nothing-tells');
      await writeFile(path, await readFile(fixture(codec)));
      expect(await readPath(path)).toMatchObject({ lines, problems: [] });
    });

    it(`with ${codec} and truncated anywhere gives what precedes the truncation, and one problem`, async () => {
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
      // The first of the two streams is complete with a little more than half of the bytes.
      await writeFile(path, bytes.subarray(0, bytes.length - 1));
      const almost = await readPath(path);
      expect(almost.lines.length).toBeGreaterThanOrEqual(Math.floor(lines.length / 2));
      expect(almost.problems).toHaveLength(codec === 'lz4' ? almost.problems.length : 1);
    });

    it(`with ${codec} and corrupted anywhere never throws and never invents a line before the corruption`, async () => {
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

  it('with any number of zstd frames and skippable frames is read completely', async () => {
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

  it('with gzip gives everything before the corruption, to the last line', async () => {
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

describe('corrupt blocks', () => {
  const decoders: [string, (bytes: Uint8Array, length: number) => unknown][] = [
    ['lz4', decodeLz4Block],
    ['snappy', decodeSnappyBlock],
    ['lzf', decodeLzfChunk]
  ];
  for (const [name, decoder] of decoders) {
    it(`of ${name} give the right length or are reported as corrupt`, () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(300), (bytes, length) => {
          try {
            const out = decoder(bytes, length) as Buffer;
            if (name !== 'snappy') expect(out).toHaveLength(length);
          } catch (error) {
            expect(error).toBeInstanceOf(CorruptData);
          }
        }),
        { numRuns: 2000 }
      );
    });
  }
});
