import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { LineSplitter } from '../src/index.js';
import { readFileSync } from 'node:fs';
import { diagnoseLines, linesOfFile, smallCorpus } from './recorded-runs.js';
import { RUNS, oom } from './property-runs.js';

describe('for any chunks and truncation', () => {
  it('a log gives the same lines in any chunks', () => {
    const bytes = readFileSync(oom.path);
    const whole = linesOfFile(oom.path);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1 }), sizes => {
        const splitter = new LineSplitter();
        const lines: string[] = [];
        for (let at = 0, i = 0; at < bytes.length; i += 1) {
          const size = sizes[i % sizes.length]!;
          for (const line of splitter.push(bytes.subarray(at, at + size))) lines.push(line.text);
          at += size;
        }
        expect(lines).toEqual(whole);
        expect(splitter.rest()).toBeNull();
      }),
      RUNS
    );
  });

  it('bytes in any chunks are split at line breaks only, and every position is exact', () => {
    const byte = fc.oneof(
      fc.constantFrom(10, 13, 0xc3, 0xa9, 65),
      fc.integer({ min: 0, max: 255 })
    );
    const chunks = fc.array(
      fc.uint8Array({ maxLength: 20 }).chain(() => fc.array(byte, { maxLength: 20 }))
    );
    fc.assert(
      fc.property(chunks, parts => {
        const all = Buffer.from(parts.flat());
        const splitter = new LineSplitter();
        const lines = parts.flatMap(part => [...splitter.push(Uint8Array.from(part))]);
        const rest = splitter.rest();
        const expected = all.toString('latin1').split('\n');
        expect(lines).toHaveLength(expected.length - 1);
        for (const line of lines) {
          expect(all[line.next.offset - 1]).toBe(10);
          expect(line.next.line).toBe(line.number);
        }
        expect(rest === null).toBe(expected.at(-1) === '');
      })
    );
  });

  it('a truncated log never throws and never has a certain finding that the complete one does not have', () => {
    for (const { path } of smallCorpus) {
      const text = readFileSync(path, 'utf8');
      const whole = diagnoseLines(text.split('\n')).findings();
      const certain = new Set(
        whole.filter(({ confidence }) => confidence === 'certain').map(({ id }) => id)
      );
      fc.assert(
        fc.property(fc.integer({ min: 0, max: text.length }), length => {
          const part = diagnoseLines(text.slice(0, length).split('\n'));
          for (const { id, confidence } of part.findings()) {
            if (confidence === 'certain') expect(certain).toContain(id);
          }
          expect(part.problems.count).toBeLessThanOrEqual(1);
        }),
        RUNS
      );
    }
  });
});
