import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { appendFile, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { diagnoseFiles, tail, type Line } from '../src/index.js';
import { cgroup, linesOfFile, smallCorpus } from './recorded-runs.js';

let folder: string;
let stop: AbortController;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aglais-tail-'));
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await rm(folder, { recursive: true });
});

/** Collects lines; `until` resolves when this many were read. */
function collect(lines: AsyncGenerator<Line>): {
  lines: Line[];
  until: (count: number) => Promise<void>;
  done: Promise<void>;
} {
  const got: Line[] = [];
  let check = (): void => undefined;
  const done = (async () => {
    for await (const line of lines) {
      got.push(line);
      check();
    }
  })();
  const until = (count: number): Promise<void> =>
    new Promise(resolve => {
      check = () => got.length >= count && resolve();
      check();
    });
  return { lines: got, until, done };
}

/** A poll interval so long that only a notification can have delivered the lines. */
const NEVER = 60_000;

describe('the tail of a log', () => {
  it('waits for the file, delivers each line when it is complete, and ends with the signal', async () => {
    const path = join(folder, 'events');
    const { lines, until, done } = collect(tail(path, { signal: stop.signal, pollMs: NEVER }));
    await writeFile(path, 'one\ntw');
    await until(1);
    await appendFile(path, 'o\r\nthree');
    await until(2);
    expect(lines.map(({ text, number }) => [text, number])).toEqual([
      ['one', 1],
      ['two', 2]
    ]);
    stop.abort();
    await done;
    expect(lines).toHaveLength(2);
  });

  it('waits for the directory, too', async () => {
    const path = join(folder, 'later', 'events');
    const { until } = collect(tail(path, { signal: stop.signal, pollMs: 20 }));
    await mkdir(join(folder, 'later'));
    await writeFile(path, 'one\n');
    await until(1);
  });

  it('resumes at a stored position, with the right line numbers', async () => {
    const path = join(folder, 'events');
    await writeFile(path, 'eins\nzwölf\ndrei\n');
    const first = collect(tail(path, { signal: stop.signal, pollMs: NEVER }));
    await first.until(2);
    const from = first.lines[1]!.next;
    const { lines, until } = collect(tail(path, { from, signal: stop.signal, pollMs: NEVER }));
    await until(1);
    expect(lines[0]).toMatchObject({ text: 'drei', number: 3 });
  });

  it('follows a file that is renamed, as Spark does with .inprogress', async () => {
    const path = join(folder, 'app-1.inprogress');
    await writeFile(path, 'one\n');
    const { lines, until } = collect(tail(path, { signal: stop.signal, pollMs: NEVER }));
    await until(1);
    await rename(path, join(folder, 'app-1'));
    await appendFile(join(folder, 'app-1'), 'two\n');
    await until(2);
    expect(lines[1]!.text).toBe('two');
  });

  it('polls for changes without notifications', async () => {
    const path = join(folder, 'events');
    await writeFile(path, 'one\n');
    const { until } = collect(tail(path, { signal: stop.signal, pollMs: 20 }));
    await until(1);
    await appendFile(path, 'two\n');
    await until(2);
  });
});

describe('diagnosing files', () => {
  it('combines an event log with other evidence and names lines that cannot be read', async () => {
    const log = smallCorpus.find(({ name }) => name === 'executor-oom-in-cgroup')!;
    const evidence = join(folder, 'evidence.jsonl');
    const kill = JSON.stringify(cgroup('0', 1795217570000, 1));
    await writeFile(evidence, `${kill}\n{"kind":"cgroup"}\nnonsense\n`);
    const diagnosis = await diagnoseFiles({ eventLogs: [log.path], evidence: [evidence] });
    expect(diagnosis.findings()[0]).toMatchObject({ confidence: 'certain' });
    expect(diagnosis.problems.first.map(({ file, line }) => [file, line])).toEqual([
      [evidence, 2],
      [evidence, 3]
    ]);
    expect(diagnosis.application).toMatchObject({ sparkVersion: '4.0.5', complete: true });
  });

  it('reads a log whose last line is truncated, and reports it', async () => {
    const lines = linesOfFile(smallCorpus[0]!.path);
    const path = join(folder, 'cut');
    await writeFile(path, `${lines.slice(0, 5).join('\n')}\n${lines[5]!.slice(0, 40)}`);
    const diagnosis = await diagnoseFiles({ eventLogs: [path] });
    expect(diagnosis.problems.first).toEqual([
      { file: path, line: 6, message: expect.stringContaining('not JSON') }
    ]);
    expect(diagnosis.application.complete).toBe(false);
  });
});
