import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { appendFile, open } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { zstdDecompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { pino, type Logger } from 'pino';
import {
  bucketOf,
  BucketRefused,
  type Bucket
} from '../src/launchers/kubernetes/archive/bucket.js';
import { archiveMetrics } from '../src/launchers/kubernetes/archive/archive-for.js';
import { EventLogArchive } from '../src/launchers/kubernetes/archive/event-log-archive.js';
import { endOfPart, eventLogFile } from '../src/launchers/kubernetes/archive/layout.js';
import { addMetrics, makeMetrics } from '../src/metrics.js';
import { Journal } from '../src/stream/journal.js';
import { randomFrom } from './support/random.js';
import { eventually, temporaryDirectory } from './support/server.js';

const silent = pino({ level: 'silent' });
const PART = 1_000;
const FOLDER = 'eventlog_v2_app-one';
const RUNNING = `${FOLDER}/appstatus_app-one.inprogress`;
const ENDED = `${FOLDER}/appstatus_app-one`;

/** A bucket in memory, with hooks before and after each change. */
class MemoryBucket implements Bucket {
  place = 's3://here/';
  readonly objects = new Map<string, Buffer>();
  asked = 0;
  before: (asked: number) => Promise<void> | void = () => undefined;
  after: (asked: number) => void = () => undefined;

  async put(key: string, body: Buffer): Promise<void> {
    await this.change(() => this.objects.set(key, body));
  }

  async remove(key: string): Promise<void> {
    await this.change(() => this.objects.delete(key));
  }

  private async change(make: () => void): Promise<void> {
    this.asked += 1;
    await this.before(this.asked);
    make();
    this.after(this.asked);
  }

  /** The names of the parts, in the order of their numbers. */
  parts(): string[] {
    const number = (key: string) => Number(/events_(\d+)_/.exec(key)![1]);
    const names = [...this.objects.keys()].filter(key => key.includes('/events_'));
    return names.sort((one, other) => number(one) - number(other));
  }

  /** What the History Server would read. */
  log(): string {
    return this.parts()
      .map(key => zstdDecompressSync(this.objects.get(key)!).toString())
      .join('');
  }
}

/** Lines of different lengths, some longer than a part. */
function lines(count: number, seed = 1): string {
  const below = randomFrom(seed);
  const line = (n: number) =>
    `${JSON.stringify({ Event: n, Text: 'x'.repeat(below(20) === 0 ? 2_500 : below(200)) })}\n`;
  return Array.from({ length: count }, (_, n) => line(n)).join('');
}

describe('The archive of event logs', () => {
  let directory: ReturnType<typeof temporaryDirectory>;
  let bucket: MemoryBucket;
  let archives: EventLogArchive[];
  let existing: Set<string>;

  beforeEach(() => {
    directory = temporaryDirectory();
    bucket = new MemoryBucket();
    archives = [];
    existing = new Set(['one']);
    mkdirSync(join(directory.path, 'one', 'eventlog'), { recursive: true });
  });
  afterEach(async () => {
    for (const archive of archives) await archive.close();
    directory.remove();
  });

  const file = (name: string) => join(directory.path, 'one', 'eventlog', name);
  const end = () => renameSync(file('app-one.inprogress'), file('app-one'));
  const make = (log: Logger = silent, isOwn = (_id: string) => true): EventLogArchive => {
    const archive = new EventLogArchive({
      directory: directory.path,
      bucket,
      log,
      isOwn,
      partBytes: PART,
      lookMs: 10,
      goneMs: 30
    });
    archives.push(archive);
    return archive;
  };
  const openOne = (log?: Logger, isOwn?: (id: string) => boolean): EventLogArchive => {
    const archive = make(log, isOwn);
    archive.open({
      exists: id => existing.has(id),
      remove: id => Promise.resolve(rmSync(join(directory.path, id), { recursive: true }))
    });
    return archive;
  };

  it('has complete parts while a cluster is running, of whole lines, and the rest after its end', async () => {
    const text = lines(60);
    writeFileSync(file('app-one.inprogress'), '');
    const archive = openOne();
    for (let at = 0; at < text.length; at += 777)
      await appendFile(file('app-one.inprogress'), text.slice(at, at + 777));
    await eventually('most of it', () => {
      const stored = bucket.log();
      // A line may be longer than a part.
      return stored.length > text.length - PART - 2_600 && stored.length < text.length && stored;
    });
    for (const key of bucket.parts())
      expect(zstdDecompressSync(bucket.objects.get(key)!).at(-1)).toBe(0x0a);
    expect(text.startsWith(bucket.log())).toBe(true);
    expect(bucket.objects.get(RUNNING)).toHaveLength(0);

    end();
    expect(await archive.finish('one', 5_000)).toBe(true);
    expect(bucket.log()).toBe(text);
    expect(bucket.parts()[0]).toBe(`${FOLDER}/events_1_app-one.zstd`);
    expect(bucket.objects.has(ENDED)).toBe(true);
    expect(bucket.objects.has(RUNNING)).toBe(false);
    expect(archive.figures()).toMatchObject({ waitingLogs: 0, waitingBytes: 0, failures: 0 });
    expect(archive.figures().storedBytes).toBeGreaterThan(0);
  });

  it('leaves the log to the lease holder of its cluster, also when it has ended here', async () => {
    const text = lines(60);
    writeFileSync(file('app-one'), text.slice(0, 3_000));
    let keeps = false;
    const archive = openOne(silent, () => keeps);
    existing.delete('one');
    await sleep(300);
    expect(bucket.asked).toBe(0);
    // A directory that is to be deleted is not delayed by another server's upload.
    expect(await archive.evict('one')).toBe(true);
    keeps = true;
    writeFileSync(file('app-one'), text);
    expect(await archive.finish('one', 5_000)).toBe(true);
    expect(bucket.log()).toBe(text);
  });

  it('shows the log of a driver that was killed as incomplete, up to its last byte', async () => {
    const text = `${lines(20)}{"Event":"cut in the mid`;
    writeFileSync(file('app-one.inprogress'), text);
    expect(await openOne().finish('one', 5_000)).toBe(true);
    expect(bucket.log()).toBe(text);
    expect(bucket.objects.has(RUNNING)).toBe(true);
    expect(bucket.objects.has(ENDED)).toBe(false);
  });

  it('uploads nothing for a driver that wrote nothing, and is complete', async () => {
    const archive = openOne();
    expect(await archive.finish('one', 5_000)).toBe(true);
    writeFileSync(file('app-one.inprogress'), '');
    expect(await archive.finish('one', 5_000)).toBe(true);
    expect(bucket.objects.size).toBe(0);
  });

  it('ends with the same objects wherever a server was killed', async () => {
    const text = lines(30);
    writeFileSync(file('app-one'), text);
    await openOne().finish('one', 5_000);
    const whole = new Map(bucket.objects);
    const requests = bucket.asked;
    expect(requests).toBeGreaterThan(5);
    for (const when of ['before', 'after'] as const) {
      for (let line = 1; line <= requests; line += 1) {
        await archives.at(-1)!.close();
        rmSync(join(directory.path, 'one', 'archive.json'));
        bucket = new MemoryBucket();
        // Not a refusal: a server that is gone does nothing more.
        bucket[when] = asked => {
          if (asked === line) throw new Error('killed');
        };
        expect(await make().finish('one', 5_000)).toBe(false);
        bucket[when] = () => undefined;
        expect(await openOne().finish('one', 5_000)).toBe(true);
        expect([...bucket.objects.keys()].sort()).toEqual([...whole.keys()].sort());
        expect(bucket.log()).toBe(text);
      }
    }
  });

  it('uploads what was mirrored after the log seemed complete', async () => {
    const text = lines(12);
    writeFileSync(file('app-one.inprogress'), text.slice(0, -100));
    const archive = openOne();
    expect(await archive.finish('one', 5_000)).toBe(true);
    await appendFile(file('app-one.inprogress'), text.slice(-100));
    end();
    await eventually('all of it', () => bucket.log() === text && bucket.objects.has(ENDED));
    expect(bucket.objects.has(RUNNING)).toBe(false);
  });

  it('finds clusters that ended while no server was running', async () => {
    writeFileSync(file('app-one'), lines(3));
    existing.clear();
    openOne();
    await eventually('the log', () => bucket.log() === lines(3) && bucket.objects.has(ENDED));
  });

  it('treats a cluster as running as long as one of its objects exists', async () => {
    writeFileSync(file('app-one.inprogress'), lines(2));
    openOne();
    await new Promise(resolve => setTimeout(resolve, 200));
    expect(bucket.objects.size).toBe(0);
  });

  it('loses nothing while a bucket refuses, delays nothing, and logs it once', async () => {
    const told: string[] = [];
    const log = pino({ level: 'info' }, { write: line => void told.push(line) });
    const words = () => told.map(line => (JSON.parse(line) as { msg: string }).msg);
    writeFileSync(file('app-one'), lines(40));
    bucket.before = () => {
      throw new BucketRefused('it refuses the keys');
    };
    const archive = openOne(log);
    expect(await archive.finish('one', 60_000)).toBe(false);
    const begun = Date.now();
    expect(await archive.finish('one', 60_000)).toBe(false);
    expect(Date.now() - begun).toBeLessThan(20_000);
    expect(archive.figures()).toMatchObject({ waitingLogs: 1, waitingBytes: lines(40).length });
    expect(archive.figures().failures).toBeGreaterThan(0);
    expect(words()).toHaveLength(1);
    expect(words()[0]).toMatch(/s3:\/\/here\/: it refuses the keys\. Nothing is lost: 1 of them/);
    const metrics = makeMetrics(new Journal(), {
      grantedMiB: () => Promise.resolve(0),
      unreadableLines: () => 0
    });
    addMetrics(metrics, archiveMetrics(archive));
    expect(await metrics.metrics()).toMatch(/^aglais_event_logs_waiting 1$/m);

    bucket.before = () => undefined;
    await eventually('the log', () => bucket.log() === lines(40) && bucket.objects.has(ENDED));
    await eventually('the word', () => words().length === 2);
    expect(words()[1]).toMatch(/takes event logs again/);
    await eventually('that nothing waits', () => archive.figures().waitingLogs === 0);
    expect(archive.figures().waitingBytes).toBe(0);
  });

  it('limits the wait for a bucket that does not respond', async () => {
    writeFileSync(file('app-one'), lines(3));
    let answer: () => void = () => undefined;
    bucket.before = () => new Promise(resolve => (answer = resolve));
    const begun = Date.now();
    expect(await make().finish('one', 100)).toBe(false);
    expect(Date.now() - begun).toBeLessThan(20_000);
    bucket.before = () => undefined;
    answer();
  });

  it('keeps the directory of a deleted cluster until its log is in the bucket, across restarts', async () => {
    writeFileSync(file('app-one'), lines(9));
    bucket.before = () => {
      throw new BucketRefused('not now');
    };
    const first = openOne();
    expect(await first.evict('one')).toBe(false);
    await first.close();
    bucket.before = () => undefined;
    existing.clear();
    openOne();
    await eventually('removed', () => !existsSync(join(directory.path, 'one')));
    expect(bucket.log()).toBe(lines(9));
    expect(bucket.objects.has(ENDED)).toBe(true);
  });

  it('releases directories whose log is in the bucket, or that have no log', async () => {
    const archive = make();
    expect(await archive.evict('one')).toBe(true);
    writeFileSync(file('app-one'), lines(9));
    expect(await archive.evict('one')).toBe(false);
    expect(await archive.finish('one', 5_000)).toBe(true);
    expect(await archive.evict('one')).toBe(true);
  });

  it('uploads the whole log to another bucket, if the first one had only a part of it', async () => {
    const text = lines(30);
    writeFileSync(file('app-one.inprogress'), text);
    const first = openOne();
    await eventually('a part', () => bucket.parts().length > 0);
    await first.close();
    bucket = new MemoryBucket();
    bucket.place = 's3://there/';
    end();
    expect(await openOne().finish('one', 5_000)).toBe(true);
    expect(bucket.log()).toBe(text);
  });
});

describe('The layout of an archived log', () => {
  it('recognizes the single file that Spark writes, the complete one first', () => {
    expect(eventLogFile([])).toBeNull();
    expect(eventLogFile(['.app-one.crc'])).toBeNull();
    const running = { name: 'app-one.inprogress', application: 'app-one', isInProgress: true };
    expect(eventLogFile(['app-one.inprogress'])).toEqual(running);
    expect(eventLogFile(['app-one.inprogress', 'app-one'])?.name).toBe('app-one');
  });

  it('splits a line that never ends: a part is compressed in memory', async () => {
    const directory = temporaryDirectory();
    const path = join(directory.path, 'log');
    writeFileSync(path, 'x'.repeat(500_000));
    const opened = await open(path);
    try {
      const cut = (from: number) => endOfPart(opened, from, 500_000, PART, 100_000);
      expect(await cut(0)).toBe(PART + 100_000);
      expect(await cut(PART + 100_000)).toBe(2 * (PART + 100_000));
      expect(await cut(500_000 - PART)).toBeNull();
    } finally {
      await opened.close();
      directory.remove();
    }
  });

  it('splits after the first line that reaches the size of a part, however far the log has grown', async () => {
    const directory = temporaryDirectory();
    const path = join(directory.path, 'log');
    const text = lines(80, 7);
    writeFileSync(path, text);
    const opened = await open(path);
    try {
      for (let from = 0; from < text.length;) {
        const end = await endOfPart(opened, from, text.length, PART);
        const expected = text.indexOf('\n', from + PART - 1) + 1;
        expect(end).toBe(expected === 0 ? null : expected);
        if (end === null) break;
        expect(await endOfPart(opened, from, end - 1, PART)).toBeNull();
        expect(await endOfPart(opened, from, end, PART)).toBe(end);
        from = end;
      }
    } finally {
      await opened.close();
      directory.remove();
    }
  });
});

describe('A bucket that cannot be used', () => {
  const config = { name: 'logs', prefix: '', region: 'us-east-1', pathStyle: true };
  const put = (more: object) =>
    bucketOf({ ...config, ...more }).put('key', Buffer.from('x'), new AbortController().signal);

  it('is explained for the operator', async () => {
    const directory = temporaryDirectory();
    const listener = createServer().listen(0, '127.0.0.1');
    await new Promise(resolve => listener.once('listening', resolve));
    const endpoint = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
    await new Promise(resolve => listener.close(resolve));
    try {
      const keys = directory.path;
      await expect(put({ endpoint, keys })).rejects.toThrow(/keys cannot be read.*look at/);
      for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'])
        writeFileSync(join(keys, name), 'a key\n');
      await expect(put({ endpoint, keys })).rejects.toThrow(BucketRefused);
      await expect(put({ endpoint, keys })).rejects.toThrow(
        `${endpoint} cannot be reached (ECONNREFUSED)`
      );
      expect(readFileSync(join(keys, 'AWS_ACCESS_KEY_ID'), 'utf8')).toBe('a key\n');
    } finally {
      directory.remove();
    }
  });
});
