import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Diagnosis, Line, LineSplitter, observeEventLine, START } from '../src/index.js';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aglais-logs-'));
});

afterEach(() => rm(folder, { recursive: true }));

describe('lines of any length', () => {
  const limits = { long: 100, longest: 1000 };
  const cut = (chunks: string[], wanted: boolean): [string, number][] => {
    const splitter = new LineSplitter(START, { ...limits, wanted: () => wanted });
    const lines = chunks.flatMap(chunk => [...splitter.push(Buffer.from(chunk))]);
    return lines.map(line => [line.text, line.lost]);
  };

  it('are kept up to a limit, and the excess is counted', () => {
    const chunks = Array.from({ length: 50 }, () => 'x'.repeat(50));
    const [[text, lost], next] = cut([...chunks, 'y\nnext\n'], true) as [[string, number], unknown];
    expect(text.length + lost).toBe(50 * 50 + 1);
    expect(text.length).toBeLessThanOrEqual(limits.longest);
    expect(next).toEqual(['next', 0]);
  });

  it('are discarded early if they are not needed', () => {
    const chunks = Array.from({ length: 50 }, () => 'x'.repeat(50));
    const [[text, lost]] = cut([...chunks, 'y\n'], false) as [[string, number]];
    expect(text.length).toBeLessThanOrEqual(limits.long + 50);
    expect(text.length + lost).toBe(50 * 50 + 1);
  });

  it('that are too long are a problem, unless the event is not used anyway', () => {
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
