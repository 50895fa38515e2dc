import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync
} from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { evidencePath } from '../src/evidence-files.js';
import { MAX_EVENT_LOGS, maxFileBytes } from '../src/evidence-limits.js';
import { openEvidenceServer, type EvidenceServer } from '../src/evidence-server.js';
import { testCertificate, type TestCertificate } from './support/certificate.js';
import { ask, text } from './support/request.js';

const TOKEN = 'a-token';

describe('A witness', () => {
  let identity: TestCertificate;
  let place: string;
  let directory: string;
  let server: EvidenceServer;
  let over: AbortController;
  let done: number;
  const file = (path: string) => join(directory, path);

  beforeAll(() => {
    identity = testCertificate();
  });
  beforeEach(async () => {
    place = mkdtempSync(join(tmpdir(), 'aglais-witness-'));
    directory = join(place, 'aglais');
    mkdirSync(directory);
    over = new AbortController();
    done = 0;
    server = await openEvidenceServer({
      directory,
      application: null,
      identity,
      token: TOKEN,
      port: 0,
      over: over.signal,
      onDone: () => void (done += 1)
    });
  });
  afterEach(async () => {
    over.abort();
    await server.close();
    rmSync(place, { recursive: true });
  });

  const get = (path: string, token: string | null = TOKEN, method = 'GET') =>
    ask({ port: server.port, ca: identity.certificate, token, path, method });
  const read = async (path: string) => {
    const answer = await get(path);
    return `${answer.statusCode} ${await text(answer)}`;
  };

  it('reports its health without a token, and nothing else', async () => {
    writeFileSync(file('live.jsonl'), 'secret\n');
    expect((await get('/healthz', null)).statusCode).toBe(200);
    for (const token of [null, 'another', `${TOKEN}x`, '']) {
      for (const path of ['/files', '/files/live.jsonl', '/files/live.jsonl?follow=1']) {
        const answer = await get(path, token);
        expect(answer.statusCode).toBe(401);
        expect(await text(answer)).not.toContain('secret');
      }
      expect((await get('/done', token, 'POST')).statusCode).toBe(401);
    }
    expect(done).toBe(0);
  });

  it('accepts its token in a separate header, too: proxies of API servers consume Authorization', async () => {
    const asked = { port: server.port, ca: identity.certificate, path: '/files' };
    const status = async (token: string | null, own: string) =>
      (await ask({ ...asked, token, headers: { 'Aglais-Token': own } })).statusCode;
    expect(await status(null, TOKEN)).toBe(200);
    expect(await status(null, 'another')).toBe(401);
    expect(await status(TOKEN, 'another')).toBe(401);
  });

  it('authenticates with its certificate', async () => {
    const { certificate } = testCertificate();
    const asking = ask({ port: server.port, ca: certificate, token: TOKEN, path: '/files' });
    await expect(asking).rejects.toThrow(/certificate|signature/);
  });

  it("lists the driver's files, and nothing else in the directory", async () => {
    mkdirSync(file('eventlog/eventlog_v2_app'), { recursive: true });
    mkdirSync(file('scratch'));
    writeFileSync(file('live.jsonl'), '12345');
    writeFileSync(file('eventlog/app.inprogress'), '1');
    writeFileSync(file('eventlog/eventlog_v2_app/events_1_app'), '22');
    writeFileSync(file('scratch/shuffle'), '1');
    writeFileSync(file('.hidden'), '1');
    symlinkSync('/etc/passwd', file('passwd'));
    const { over: ended, files } = JSON.parse(await text(await get('/files')));
    expect(ended).toBe(false);
    expect(files).toEqual([
      { path: 'eventlog/app.inprogress', size: 1 },
      { path: 'eventlog/eventlog_v2_app/events_1_app', size: 2 },
      { path: 'live.jsonl', size: 5 }
    ]);
  });

  it('returns the bytes from an offset on', async () => {
    mkdirSync(file('eventlog'));
    writeFileSync(file('eventlog/app'), '0123456789');
    expect(await read('/files/eventlog/app')).toBe('200 0123456789');
    expect(await read('/files/eventlog/app?from=7')).toBe('200 789');
    expect(await read('/files/eventlog/app?from=10')).toBe('200 ');
    expect(await read('/files/eventlog/app?from=11')).toContain('416 The file has 10 bytes');
    expect(await read('/files/eventlog/app?from=-1')).toContain('400');
    expect(await read('/files/eventlog/app?from=x')).toContain('400');
    expect(await read('/files/eventlog/other')).toContain('404');
  });

  it('returns large files completely', async () => {
    const content = Buffer.alloc(5_000_000, 'abcdefghijklmnopqrstuvwxyz\n');
    writeFileSync(file('driver.log'), content);
    const answer = await get('/files/driver.log?from=3');
    expect((await text(answer)) === content.subarray(3).toString()).toBe(true);
  });

  it.each([
    '../aglais-secret/token',
    '..%2faglais-secret%2ftoken',
    '%2e%2e/token',
    'eventlog/../../token',
    'eventlog/%2e%2e/%2e%2e/token',
    '/etc/passwd',
    '%2fetc%2fpasswd',
    'eventlog//app',
    './live.jsonl',
    'live.jsonl%00',
    'scratch/file',
    '.hidden',
    'eventlog',
    '%zz',
    ''
  ])('refuses to leave the directory: %s', async path => {
    writeFileSync(join(place, 'token'), 'secret');
    mkdirSync(file('eventlog'));
    mkdirSync(file('scratch'));
    for (const name of ['live.jsonl', '.hidden', 'scratch/file', 'eventlog/app']) {
      writeFileSync(file(name), 'secret');
    }
    expect(await read(`/files/${path}`)).toBe('404 No such file.\n');
  });

  it('follows no links, which user code in the driver could have created', async () => {
    writeFileSync(join(place, 'token'), 'secret');
    mkdirSync(join(place, 'folder'));
    writeFileSync(join(place, 'folder/app'), 'secret');
    symlinkSync(join(place, 'token'), file('live.jsonl'));
    symlinkSync(join(place, 'folder'), file('eventlog'));
    expect(await read('/files/live.jsonl')).toContain('404');
    expect(await read('/files/eventlog/app')).toContain('404');
    expect(JSON.parse(await text(await get('/files'))).files).toEqual([]);
  });

  it('sends what is appended immediately', async () => {
    writeFileSync(file('live.jsonl'), 'old ');
    const answer = await get('/files/live.jsonl?follow=1');
    const chunks = new Chunks(answer);
    await chunks.until('old ');
    const delays: number[] = [];
    for (let index = 0; index < 20; index += 1) {
      await sleep(10);
      const at = performance.now();
      appendFileSync(file('live.jsonl'), `${index} `);
      await chunks.until(` ${index} `);
      delays.push(performance.now() - at);
    }
    expect(chunks.text).toBe(`old ${[...Array(20).keys()].map(index => `${index} `).join('')}`);
    // The fifth fastest, because the machine may be busy meanwhile.
    expect(delays.sort((a, b) => a - b)[4]).toBeLessThan(50);
    answer.destroy();
  });

  it('waits for a file that does not exist yet, in a directory that does not exist yet', async () => {
    const answer = await get('/files/eventlog/app?follow=1');
    expect(answer.statusCode).toBe(200);
    const chunks = new Chunks(answer);
    await sleep(50);
    mkdirSync(file('eventlog'));
    writeFileSync(file('eventlog/app'), 'first ');
    await chunks.until('first ');
    appendFileSync(file('eventlog/app'), 'second');
    await chunks.until('second');
    answer.destroy();
  });

  it('continues with a file that is renamed while it is followed', async () => {
    mkdirSync(file('eventlog'));
    const log = openSync(file('eventlog/app.inprogress'), 'a');
    writeSync(log, 'one ');
    const chunks = new Chunks(await get('/files/eventlog/app.inprogress?follow=1'));
    await chunks.until('one ');
    renameSync(file('eventlog/app.inprogress'), file('eventlog/app'));
    writeSync(log, 'two');
    await chunks.until('two');
  });

  it('sends the last bytes and ends once the driver has ended, also for files that never appeared', async () => {
    writeFileSync(file('driver.log'), 'words ');
    const answer = await get('/files/driver.log?follow=1');
    const never = await get('/files/ready?follow=1');
    const chunks = new Chunks(answer);
    await chunks.until('words ');
    appendFileSync(file('driver.log'), 'last words');
    over.abort();
    await chunks.end;
    expect(chunks.text).toBe('words last words');
    expect(await text(never)).toBe('');
    expect(JSON.parse(await text(await get('/files'))).over).toBe(true);
    expect(await read('/files/driver.log?from=6&follow=1')).toBe('200 last words');
  });

  it('is notified that its reader has everything', async () => {
    expect((await get('/done', TOKEN, 'POST')).statusCode).toBe(200);
    expect(done).toBe(1);
    expect((await get('/files', TOKEN, 'DELETE')).statusCode).toBe(405);
  });

  describe('accepts the desired number of executors', () => {
    const put = async (path: string, body: string, token: string | null = TOKEN) => {
      const asked = { port: server.port, ca: identity.certificate, token, path, method: 'PUT' };
      const answer = await ask({ ...asked, body });
      await text(answer);
      return answer.statusCode;
    };

    it('as a number or a range, which replaces the previous one', async () => {
      expect(await put('/files/executors', '4\n')).toBe(204);
      expect(readFileSync(file('executors'), 'utf8')).toBe('4\n');
      expect(await put('/files/executors', '12')).toBe(204);
      expect(await read('/files/executors')).toBe('200 12');
      expect(await put('/files/executors', '2-1000')).toBe(204);
      expect(await read('/files/executors')).toBe('200 2-1000');
      expect(readdirSync(directory)).toEqual(['executors']);
    });

    it('only from its owner, and only valid numbers', async () => {
      expect(await put('/files/executors', '4', null)).toBe(401);
      expect(await put('/files/executors', '4', 'another')).toBe(401);
      for (const body of [
        '',
        '0',
        '-1',
        '1.5',
        '4 4',
        '4-',
        '0-4',
        '1-2-3',
        '2..8',
        'four',
        '9'.repeat(9),
        'x'.repeat(100_000)
      ]) {
        expect(await put('/files/executors', body)).toBe(400);
      }
      expect(readdirSync(directory)).toEqual([]);
    });

    it('and writes no other file', async () => {
      writeFileSync(file('live.jsonl'), 'old');
      for (const path of [
        '/files/live.jsonl',
        '/files/executors/x',
        '/files/../executors',
        '/files/%65xecutors',
        '/files/.executors.part',
        '/executors'
      ]) {
        expect(await put(path, '4')).toBe(405);
      }
      expect(readFileSync(file('live.jsonl'), 'utf8')).toBe('old');
      expect(readdirSync(directory)).toEqual(['live.jsonl']);
    });

    it('and replaces links, which user code in the driver could have created', async () => {
      writeFileSync(join(place, 'other'), 'untouched');
      symlinkSync(join(place, 'other'), file('executors'));
      symlinkSync(join(place, 'other'), file('.executors.part'));
      expect(await put('/files/executors', '3')).toBe(204);
      expect(readFileSync(join(place, 'other'), 'utf8')).toBe('untouched');
      expect(await read('/files/executors')).toBe('200 3');
    });
  });

  it('serves no byte of a file beyond its limit, even of a sparse file of 50 GB', async () => {
    for (const path of ['driver.exit', 'live.jsonl']) {
      writeFileSync(file(path), '');
      truncateSync(file(path), 50e9);
    }
    const { files } = JSON.parse(await text(await get('/files')));
    expect(files).toEqual([
      { path: 'driver.exit', size: maxFileBytes('driver.exit') },
      { path: 'live.jsonl', size: maxFileBytes('live.jsonl') }
    ]);
    const limit = maxFileBytes('driver.exit');
    expect((await text(await get('/files/driver.exit'))).length).toBe(limit);
    // Ends although the driver is running: nothing more will be sent.
    expect((await text(await get('/files/driver.exit?follow=1'))).length).toBe(limit);
    expect((await text(await get(`/files/driver.exit?from=${limit}`))).length).toBe(0);
    expect(await read('/files/driver.exit?from=10&to=12')).toBe('200 \0\0');
  });

  it('serves only regular files: no pipe, directory or link', async () => {
    execFileSync('mkfifo', [file('live.jsonl')]);
    mkdirSync(file('driver.log'));
    symlinkSync('/dev/zero', file('ready'));
    for (const path of ['live.jsonl', 'driver.log', 'ready'])
      expect(await read(`/files/${path}`)).toBe('404 No such file.\n');
    expect(JSON.parse(await text(await get('/files'))).files).toEqual([]);
  });

  it('lists a limited number of files, whatever the directories contain', async () => {
    mkdirSync(file('eventlog'));
    writeFileSync(file('live.jsonl'), 'x');
    for (let index = 0; index < 2 * MAX_EVENT_LOGS; index += 1) {
      writeFileSync(file(`eventlog/app-${index}`), '');
      writeFileSync(file(`junk-${index}`), '');
    }
    const { files } = JSON.parse(await text(await get('/files')));
    expect(files).toHaveLength(MAX_EVENT_LOGS + 1);
    expect(files).toContainEqual({ path: 'live.jsonl', size: 1 });
  });

  it('reads no further than a slow reader', async () => {
    const size = 64 * 2 ** 20;
    writeFileSync(file('driver.log'), Buffer.alloc(size, 'x'));
    globalThis.gc?.();
    const before = process.memoryUsage().external;
    const answer = await get('/files/driver.log?follow=1');
    answer.pause();
    await sleep(500);
    const { external } = process.memoryUsage();
    // Both ends are in this process; loopback sockets may buffer some megabytes in the kernel.
    expect(external - before).toBeLessThan(8 * 2 ** 20);
    let bytes = 0;
    answer.on('data', (chunk: Buffer) => (bytes += chunk.length)).resume();
    while (bytes < size) await sleep(10);
    expect(bytes).toBe(size);
    answer.destroy();
  }, 30_000);
});

describe('The path of an evidence file', () => {
  it('is an event log of the own application, if there are others', () => {
    const of = (path: string) => evidencePath(path, 'app-1');
    for (const path of [
      'eventlog/app-1',
      'eventlog/app-1.inprogress',
      'eventlog/app-1.zstd',
      'eventlog/eventlog_v2_app-1/events_1_app-1',
      'live.jsonl'
    ])
      expect(of(path)).toBe(path);
    for (const path of [
      'app-10',
      'app-2.inprogress',
      'eventlog_v2_app-2/events_1_app-1',
      'x-app-1'
    ])
      expect(of(`eventlog/${path}`)).toBeNull();
  });

  it('is a known name, or in eventlog', () => {
    for (const path of ['live.jsonl', 'eventlog/app', 'eventlog/eventlog_v2_a/events_1']) {
      expect(evidencePath(path)).toBe(path);
    }
    for (const path of ['a/b', 'eventlog/a/b/c', 'eventlog\\..', '..', 'eventlog/', '/x', '']) {
      expect(evidencePath(path)).toBeNull();
    }
  });
});

/** The part of a streaming response that has arrived so far. */
class Chunks {
  text = '';
  readonly end: Promise<void>;
  private wake = (): void => undefined;

  constructor(answer: IncomingMessage) {
    answer.on('data', (chunk: Buffer) => {
      this.text += chunk.toString();
      this.wake();
    });
    answer.on('error', () => undefined);
    this.end = new Promise(resolve => answer.on('end', resolve));
  }

  async until(words: string): Promise<void> {
    while (!this.text.includes(words)) await new Promise<void>(resolve => (this.wake = resolve));
  }
}
