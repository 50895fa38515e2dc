import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  mkdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync
} from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Observation } from '@aglais/diagnosis';
import {
  followDriverLog,
  followLines,
  followShareReports,
  replayEvidence
} from '../src/evidence/follow-files.js';
import { copyPlainFile } from '../src/evidence/plain-file.js';
import { MAX_OBSERVATIONS, readingLimits } from '../src/evidence/reading-limits.js';
import { logTail, readText } from '../src/launchers/cluster-directory.js';
import { memoryMiB } from './support/memory.js';
import { eventually, temporaryDirectory } from './support/server.js';

const MIB = 2 ** 20;
const SOON_MS = 20_000;
const SINK = { eventLine: () => {}, evidenceLine: () => {}, observe: () => {} };
const JUNK = '26/11/21 13:26:33 ERROR Master: java.lang.OutOfMemoryError: made up\n';

let place: ReturnType<typeof temporaryDirectory>;
let abort: AbortController;
let recorded: Observation[];
const file = (name: string) => join(place.path, name);
const until = () => ({ abort: abort.signal });
const OVER = { abort: new AbortController().signal, over: AbortSignal.abort() };
const none = () => undefined;
const texts = () => recorded.flatMap(one => (one.kind === 'log' ? [one.text] : []));

function record(observation: Observation): Promise<void> {
  recorded.push(observation);
  appendFileSync(file('evidence.jsonl'), `${JSON.stringify(observation)}\n`);
  return Promise.resolve();
}

function sparse(name: string, bytes = 50e9): void {
  writeFileSync(file(name), '');
  truncateSync(file(name), bytes);
}

/** The longest time during which nothing else could run: CPU time of this thread, ms, so that other processes do not count. */
async function longestPause(work: Promise<unknown>): Promise<number> {
  let longest = 0;
  let isOver = false;
  void work.finally(() => (isOver = true)).catch(none);
  while (!isOver) {
    const before = process.threadCpuUsage();
    await sleep(5);
    const { user, system } = process.threadCpuUsage(before);
    longest = Math.max(longest, (user + system) / 1_000);
  }
  return longest;
}

beforeEach(() => {
  place = temporaryDirectory();
  abort = new AbortController();
  recorded = [];
});
afterEach(() => {
  abort.abort();
  place.remove();
});

describe('An evidence file that user code has written', () => {
  it('may be 50 GB of zeros: memory, time and disk use stay bounded', async () => {
    for (const name of ['live.jsonl', 'driver.log', 'shares.jsonl']) sparse(name);
    const before = memoryMiB();
    let most = 0;
    const following = Promise.all([
      followLines(place.path, 'live.jsonl', until(), none, { record }),
      followDriverLog(place.path, until(), () => Promise.resolve(true), record),
      followShareReports(place.path, until(), record)
    ]);
    const watch = setInterval(() => (most = Math.max(most, memoryMiB() - before)), 20);
    const paused = longestPause(following);
    await sleep(4_000);
    const at = performance.now();
    abort.abort();
    await following;
    clearInterval(watch);
    expect(performance.now() - at).toBeLessThan(SOON_MS);
    expect(await paused).toBeLessThan(2_000);
    expect(most).toBeLessThan(400);
    expect(statSync(file('live.jsonl')).blocks).toBe(0);
  }, 60_000);

  it('is read up to its limit, which is recorded once, whichever server reads it next', async () => {
    const limits = { ...readingLimits('live.jsonl'), fileBytes: 64_000 };
    sparse('live.jsonl');
    const lines: string[] = [];
    writeFileSync(file('live.jsonl'), '{"first":1}\n', { flag: 'r+' });
    for (let round = 0; round < 3; round += 1) {
      const take = (text: string): void => void lines.push(text);
      await followLines(place.path, 'live.jsonl', until(), take, { record, limits });
    }
    expect(lines).toEqual(Array(3).fill('{"first":1}'));
    expect(texts()).toEqual([expect.stringMatching(/live\.jsonl is longer than .* are kept/)]);
    expect(recorded[0]).toMatchObject({ kind: 'log', ref: 'live.jsonl:file-limit' });
  });

  it('may be one endless line, which is skipped; the next lines are read', async () => {
    const limits = { ...readingLimits('live.jsonl'), lineBytes: 300_000 };
    writeFileSync(file('live.jsonl'), `${'x'.repeat(5_000_000)}\n{"next":1}\n`);
    appendFileSync(file('live.jsonl'), `${'y'.repeat(5_000_000)}\n{"last":1}\n`);
    const lines: string[] = [];
    const take = (text: string): void => void lines.push(text);
    await followLines(place.path, 'live.jsonl', OVER, take, { record, limits });
    expect(lines).toEqual(['{"next":1}', '{"last":1}']);
    expect(texts()).toEqual([expect.stringContaining('line 1 of live.jsonl is too long')]);
  });

  it('may grow as fast as a process can write: it is read at a limited rate, and other work continues', async () => {
    const limits = {
      ...readingLimits('live.jsonl'),
      bytes: { perSecond: MIB, burst: 4 * MIB },
      lines: { perSecond: 1_000, burst: 10_000 }
    };
    writeFileSync(file('live.jsonl'), '');
    // Ends by itself at 400 MB (blocks of 512 bytes).
    const endless = 'ulimit -f 800000; exec yes x > live.jsonl';
    const writer = spawn('sh', ['-c', endless], { cwd: place.path });
    const exited = once(writer, 'exit');
    let lines = 0;
    const following = followLines(place.path, 'live.jsonl', until(), () => void (lines += 1), {
      record,
      limits
    });
    const paused = longestPause(following);
    const begun = performance.now();
    await eventually('a large file', () => statSync(file('live.jsonl')).size > 100 * MIB, SOON_MS);
    await sleep(2_000);
    writer.kill('SIGKILL');
    await exited;
    abort.abort();
    await following;
    const seconds = (performance.now() - begun) / 1_000;
    expect(lines).toBeGreaterThan(10_000);
    expect(lines).toBeLessThan(10_000 + 1_000 * (seconds + 2));
    expect(await paused).toBeLessThan(2_000);
  }, 60_000);

  it.each(['a pipe', 'a folder', 'a device', 'a link'])(
    'may be %s, which is not read, awaited or followed',
    async what => {
      const names = ['live.jsonl', 'driver.log', 'shares.jsonl', 'evidence.jsonl', 'ready'];
      writeFileSync(file('secret'), `secret\n${JUNK}`);
      for (const name of names) {
        if (what === 'a pipe') execFileSync('mkfifo', [file(name)]);
        if (what === 'a folder') mkdirSync(file(name));
        if (what === 'a device') symlinkSync('/dev/zero', file(name));
        if (what === 'a link') symlinkSync(file('secret'), file(name));
      }
      const seen: string[] = [];
      const sink = { ...SINK, eventLine: (text: string) => void seen.push(text) };
      const found: Observation[] = [];
      const keep = (one: Observation): Promise<void> => Promise.resolve(void found.push(one));
      const following = Promise.all(
        names.map(name => followLines(place.path, name, until(), none, { record: keep }))
      );
      await replayEvidence(place.path, sink, keep);
      expect(await readText(file('ready'))).toBeNull();
      expect(await logTail(file('driver.log'))).toBe('');
      // No thread of the pool waits for a pipe.
      expect(await readFile(file('secret'), 'utf8')).toContain('secret');
      abort.abort();
      await following;
      expect([seen, found]).toEqual([[], []]);
    },
    10_000
  );

  it('may shrink and grow again: what was read is kept, and nothing fails', async () => {
    writeFileSync(file('live.jsonl'), '{"a":1}\n{"b":2}\n');
    const lines: string[] = [];
    const take = (text: string): void => void lines.push(text);
    const following = followLines(place.path, 'live.jsonl', until(), take, { record });
    await eventually('two lines', () => lines.length === 2, SOON_MS);
    truncateSync(file('live.jsonl'), 0);
    await sleep(50);
    appendFileSync(file('live.jsonl'), '{"x":9}\n{"y":9}\n{"c":3}\n');
    await eventually('the line behind what was read', () => lines.length === 3, SOON_MS);
    abort.abort();
    await following;
    expect(lines).toEqual(['{"a":1}', '{"b":2}', '{"c":3}']);
  });

  it('may repeat a message forever: a limited number is recorded', async () => {
    writeFileSync(file('driver.log'), JUNK.repeat(MAX_OBSERVATIONS + 500));
    await followDriverLog(place.path, OVER, () => Promise.resolve(false), record);
    expect(recorded).toHaveLength(MAX_OBSERVATIONS + 1);
    expect(texts().at(-1)).toContain('later ones are not added');
    await followDriverLog(place.path, OVER, () => Promise.resolve(false), record);
    expect(recorded).toHaveLength(MAX_OBSERVATIONS + 1);
  });

  it('is copied up to its limit, and only if it is a regular file', async () => {
    sparse('stderr');
    await copyPlainFile(file('stderr'), file('kept'), 5_000);
    expect(statSync(file('kept')).size).toBe(5_000);
    execFileSync('mkfifo', [file('stdout')]);
    await copyPlainFile(file('stdout'), file('none'), 5_000);
    expect(await readText(file('none'))).toBeNull();
  });

  it('that is read as a whole may be 1 GB: at most 1 MiB of it is read', async () => {
    sparse('ready', 1e9);
    expect((await readText(file('ready')))!.length).toBe(MIB);
    sparse('driver.log');
    appendFileSync(file('driver.log'), 'last words');
    expect(await logTail(file('driver.log'))).toMatch(/last words$/);
    rmSync(file('ready'));
    expect(await readText(file('ready'))).toBeNull();
  });
});
