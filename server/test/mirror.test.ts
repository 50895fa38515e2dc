import { once } from 'node:events';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync
} from 'node:fs';
import { createServer as createHttps } from 'node:https';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { openEvidenceServer, type EvidenceServer } from '../../witness/src/evidence-server.js';
import { testCertificate, type TestCertificate } from '../../witness/test/support/certificate.js';
import { DiskReserve } from '../src/launchers/kubernetes/evidence/disk-reserve.js';
import { Mirror, type MirrorOptions } from '../src/launchers/kubernetes/evidence/mirror.js';
import { WitnessClient } from '../src/launchers/kubernetes/evidence/witness-client.js';
import { retainedMiB } from './support/memory.js';
import { eventually, temporaryDirectory } from './support/server.js';

const log = pino({ level: 'silent' });
const SOON_MS = 20_000;

describe("A mirror of a driver's files", () => {
  let identity: TestCertificate;
  let place: ReturnType<typeof temporaryDirectory>;
  let pod: string;
  let here: string;
  let over: AbortController;
  let done: number;
  let server: EvidenceServer;
  let way: Awaited<ReturnType<typeof openWay>>;
  const mirrors: Mirror[] = [];

  const there = (path: string) => join(pod, path);
  const local = (path: string) => {
    try {
      return readFileSync(join(here, path), 'utf8');
    } catch {
      return null;
    }
  };
  const same = (...paths: string[]) =>
    eventually(
      `the same ${paths.join()}`,
      () => paths.every(path => local(path) === readFileSync(there(path), 'utf8')),
      SOON_MS
    );

  async function openWitness(): Promise<void> {
    over = new AbortController();
    server = await openEvidenceServer({
      directory: pod,
      application: null,
      identity,
      token: 'token',
      port: 0,
      over: over.signal,
      onDone: () => void (done += 1)
    });
    way.to(server.port);
  }

  async function closeWitness(): Promise<void> {
    way.cut();
    over.abort();
    await server.close();
  }

  function mirror(more: Partial<MirrorOptions> = {}): Mirror {
    const url = `https://127.0.0.1:${way.port}`;
    const witness = { url, token: 'token', ca: identity.certificate };
    const one = new Mirror({ directory: here, witness, log, ...more });
    mirrors.push(one);
    return one;
  }

  beforeAll(() => {
    identity = testCertificate();
  });
  beforeEach(async () => {
    place = temporaryDirectory();
    pod = join(place.path, 'pod');
    here = join(place.path, 'here');
    mkdirSync(join(pod, 'eventlog'), { recursive: true });
    done = 0;
    way = await openWay();
    await openWitness();
  });
  afterEach(async () => {
    for (const one of mirrors.splice(0)) await one.close();
    await closeWitness();
    way.close();
    place.remove();
  });

  it('has events and log lines within moments', async () => {
    writeFileSync(there('live.jsonl'), 'one\n');
    mirror();
    await same('live.jsonl');
    const delays: number[] = [];
    for (let index = 0; index < 10; index += 1) {
      const at = performance.now();
      appendFileSync(there('live.jsonl'), `${index}\n`);
      while (local('live.jsonl') !== readFileSync(there('live.jsonl'), 'utf8')) await sleep(1);
      delays.push(performance.now() - at);
    }
    // The third fastest, because the machine may be busy meanwhile.
    expect(delays.sort((a, b) => a - b)[2]).toBeLessThan(100);
    writeFileSync(there('driver.log'), 'words');
    await same('driver.log');
  });

  it('copies the ready file atomically', async () => {
    mirror();
    await sleep(100);
    expect(local('ready')).toBeNull();
    writeFileSync(there('ready.part'), '15003\nCREATE x: ');
    renameSync(there('ready.part'), there('ready'));
    await same('ready');
    expect(existsSync(join(here, 'ready.part'))).toBe(false);
  });

  it("copies event logs, also rolling ones, and follows Spark's renames", async () => {
    mkdirSync(there('eventlog/eventlog_v2_app'));
    writeFileSync(there('eventlog/app.inprogress'), 'one\n');
    writeFileSync(there('eventlog/eventlog_v2_app/events_1_app'), 'first\n');
    mirror();
    await same('eventlog/app.inprogress', 'eventlog/eventlog_v2_app/events_1_app');
    appendFileSync(there('eventlog/app.inprogress'), 'two\n');
    renameSync(there('eventlog/app.inprogress'), there('eventlog/app'));
    await same('eventlog/app');
    expect(local('eventlog/app.inprogress')).toBeNull();
  });

  it('has everything at the end of the cluster, and dismisses the witness', async () => {
    const one = mirror();
    writeFileSync(there('driver.log'), 'first ');
    await same('driver.log');
    way.cut();
    appendFileSync(there('driver.log'), 'last words');
    writeFileSync(there('live.jsonl'), 'x'.repeat(3_000_000));
    writeFileSync(there('eventlog/app'), 'y'.repeat(300_000));
    writeFileSync(there('driver.exit'), '137\n');
    await one.finish();
    for (const path of ['driver.log', 'live.jsonl', 'eventlog/app', 'driver.exit']) {
      expect(local(path) === readFileSync(there(path), 'utf8')).toBe(true);
    }
    expect(done).toBe(1);
    expect(one.complete).toBe(true);
    await one.finish();
    expect(done).toBe(1);
  });

  it('detects that the driver has ended', async () => {
    const one = mirror();
    writeFileSync(there('driver.log'), 'first ');
    writeFileSync(there('ready'), '15003\n');
    await same('driver.log', 'ready');
    // The event log is polled rarely; its end must arrive nevertheless, and soon.
    await sleep(300);
    writeFileSync(there('eventlog/app'), 'all');
    appendFileSync(there('driver.log'), 'last words');
    const at = Date.now();
    over.abort();
    await eventually('the end', () => one.complete, SOON_MS);
    expect(Date.now() - at).toBeLessThan(SOON_MS);
    expect(local('driver.log')).toBe('first last words');
    expect(local('eventlog/app')).toBe('all');
    await eventually('the word to the witness', () => done === 1, SOON_MS);
  });

  it('gives up on a pod that is gone, in time', async () => {
    const one = mirror();
    writeFileSync(there('live.jsonl'), 'one\n');
    await same('live.jsonl');
    way.hang(true);
    const at = Date.now();
    await one.finish(500);
    expect(Date.now() - at).toBeLessThan(SOON_MS);
    expect(one.complete).toBe(false);
    expect(local('live.jsonl')).toBe('one\n');
  });

  it('cannot be led out of its directory by a malicious witness', async () => {
    writeFileSync(there('live.jsonl'), 'x');
    const hostile = new Mirror({
      directory: here,
      witness: { url: 'https://127.0.0.1:1', token: '', ca: identity.certificate },
      log
    });
    mirrors.push(hostile);
    const names = ['../out', 'eventlog/../../out', 'eventlog/../out', '/tmp/out', 'eventlog/.x/y'];
    const fetched: string[] = [];
    // The list and the bytes come from the pod, in which user code runs.
    Object.assign(hostile, {
      client: {
        list: () => ({ over: false, files: names.map(path => ({ path, size: 3 })) }),
        bytes: (path: string) => void fetched.push(path),
        file: (path: string) => void fetched.push(path),
        done: () => Promise.resolve(),
        close: () => undefined
      }
    });
    await hostile.finish();
    expect(fetched.filter(path => names.includes(path))).toEqual([]);
    expect(existsSync(join(place.path, 'out'))).toBe(false);
  });

  it('never has a gap or a duplicate byte, wherever it is cut and however often both sides die', async () => {
    // Each line contains its number, so that gaps and duplicates are detected.
    let line = 0;
    let random = 12_345;
    const next = (below: number) => {
      random = (random * 1_103_515_245 + 12_345) % 2 ** 31;
      return random % below;
    };
    const files = ['live.jsonl', 'driver.log', 'eventlog/app'];
    const write = () => {
      for (const path of files) {
        const lines = Array.from({ length: next(200) }, () => `${path} ${(line += 1)}\n`);
        appendFileSync(there(path), lines.join(''));
      }
    };
    for (const path of files) writeFileSync(there(path), '');
    let one = mirror();
    for (let round = 0; round < 60; round += 1) {
      write();
      way.cutAfter(next(20_000));
      await sleep(next(25));
      const accident = next(10);
      if (accident === 0) {
        await one.close();
        one = mirror();
      }
      if (accident === 1) {
        await closeWitness();
        await openWitness();
      }
    }
    write();
    way.cutAfter(Infinity);
    await one.finish();
    for (const path of files) expect(local(path)).toBe(readFileSync(there(path), 'utf8'));
    expect(readFileSync(there('live.jsonl')).length).toBeGreaterThan(20_000);
  }, 60_000);

  it('closes a connection that hangs while the file grows', async () => {
    writeFileSync(there('live.jsonl'), 'one\n');
    mirror();
    await same('live.jsonl');
    way.hangOpenOnes();
    appendFileSync(there('live.jsonl'), 'two\n');
    await same('live.jsonl');
  }, 60_000);

  describe('of files that user code has written', () => {
    const size = (path: string) =>
      existsSync(join(here, path)) ? statSync(join(here, path)).size : 0;
    const sparse = (path: string) => {
      writeFileSync(there(path), 'begin\n');
      truncateSync(there(path), 50e9);
    };

    it('copies at most the limit of each, even of 50 GB of zeros, and reports it once', async () => {
      const bytes = 3_000_000;
      const reached: string[] = [];
      const files = ['driver.log', 'eventlog/app.inprogress', 'live.jsonl', 'shares.jsonl'];
      for (const path of [...files, 'ready', 'driver.exit']) sparse(path);
      const one = mirror({
        limits: { fileBytes: () => bytes },
        onLimit: path => void reached.push(path)
      });
      await eventually('all limits', () => reached.length === files.length, SOON_MS);
      over.abort();
      await eventually('the end', () => one.complete, SOON_MS);
      expect(files.map(size)).toEqual(files.map(() => bytes));
      expect(size('ready')).toBe(2 ** 20);
      expect(size('driver.exit')).toBe(4_096);
      expect(reached.sort()).toEqual(files);
      expect(local('live.jsonl')!.slice(0, 6)).toBe('begin\n');
      // The next one has nothing to do.
      const next = mirror({ limits: { fileBytes: () => bytes } });
      await next.finish();
      expect(next.complete).toBe(true);
      expect(files.map(size)).toEqual(files.map(() => bytes));
    }, 60_000);

    it('copies at a limited rate, however fast they grow, with little memory', async () => {
      const perSecond = 4 * 2 ** 20;
      sparse('live.jsonl');
      sparse('eventlog/app');
      const before = retainedMiB();
      const begun = Date.now();
      mirror({ limits: { rate: { perSecond, burst: perSecond } } });
      await sleep(4_000);
      const most = perSecond * ((Date.now() - begun) / 1_000 + 2);
      expect(size('live.jsonl') + size('eventlog/app')).toBeLessThan(most);
      expect(size('live.jsonl')).toBeGreaterThan(0);
      // If it kept what it read, this would only grow.
      await eventually('little memory', () => retainedMiB() - before < 100, SOON_MS);
    }, 30_000);

    it('copies a limited number of event logs, even if they are deleted in between', async () => {
      const limits = { eventLogs: 20, eventLogBytes: 10_000 };
      mirror({ limits });
      for (let round = 0; round < 6; round += 1) {
        for (let index = 0; index < 10; index += 1)
          writeFileSync(there(`eventlog/log-${round}-${index}`), 'x'.repeat(400));
        await sleep(250);
        rmSync(there('eventlog'), { recursive: true });
        mkdirSync(there('eventlog'));
      }
      writeFileSync(there('ready'), '15003\n');
      await same('ready');
      const copied = readdirSync(join(here, 'eventlog'));
      expect(copied.length).toBeGreaterThan(0);
      expect(copied.length).toBeLessThanOrEqual(20);
    }, 30_000);

    it('waits while the disk is nearly full, and loses nothing', async () => {
      let free = 0;
      const disk = new DiskReserve(here, log, () => Promise.resolve(free));
      writeFileSync(there('live.jsonl'), 'one\n');
      mirror({ disk });
      await sleep(500);
      expect(size('live.jsonl')).toBe(0);
      free = 2 ** 31;
      appendFileSync(there('live.jsonl'), 'two\n');
      await same('live.jsonl');
    }, 30_000);

    it('rejects an endless response instead of a list', async () => {
      const endless = createHttps(
        { key: identity.key, cert: identity.certificate },
        (_request, response) => {
          const more = (): void => {
            while (response.write(Buffer.alloc(65_536, '[')));
            response.once('drain', more);
          };
          response.on('error', () => undefined);
          more();
        }
      );
      endless.listen(0, '127.0.0.1');
      await once(endless, 'listening');
      const { port } = endless.address() as AddressInfo;
      const url = `https://127.0.0.1:${port}`;
      const client = new WitnessClient({ url, token: 'token', ca: identity.certificate });
      const signal = AbortSignal.timeout(SOON_MS);
      await expect(client.list(signal)).rejects.toThrow(/longer than/);
      await expect(client.file('ready', signal)).rejects.toThrow(/longer than/);
      client.close();
      endless.closeAllConnections();
      endless.close();
    }, 30_000);
  });

  it('accepts no other token and no other certificate', async () => {
    rmSync(here, { recursive: true, force: true });
    writeFileSync(there('live.jsonl'), 'one\n');
    const url = `https://127.0.0.1:${way.port}`;
    for (const witness of [
      { url, token: 'wrong', ca: identity.certificate },
      { url, token: 'token', ca: testCertificate().certificate }
    ]) {
      const one = new Mirror({ directory: here, witness, log });
      await one.finish(300);
      expect(one.complete).toBe(false);
      expect(local('live.jsonl') ?? '').toBe('');
    }
  });
});

/** A proxy to a port that can be redirected, cut at any byte, or made to hang. */
async function openWay() {
  let target = 0;
  let hanging = false;
  let budget = Infinity;
  const pairs = new Set<{ ends: Socket[]; hangs: boolean }>();
  const cut = () => {
    for (const { ends } of pairs) for (const socket of ends) socket.destroy();
    pairs.clear();
  };
  /** Reads no more than the other side takes: its buffers would be counted as memory of the mirror. */
  const pass = (bytes: Buffer, from: Socket, onto: Socket) => {
    if (onto.write(bytes)) return;
    from.pause();
    onto.once('drain', () => from.resume());
  };
  const server = createServer(client => {
    const peer = connect(target, '127.0.0.1');
    const pair = { ends: [client, peer], hangs: false };
    pairs.add(pair);
    for (const [from, onto] of [
      [client, peer],
      [peer, client]
    ] as const) {
      from.on('data', (bytes: Buffer) => {
        if (hanging || pair.hangs) return;
        if (from === peer) {
          const passed = bytes.subarray(0, budget);
          budget -= passed.length;
          pass(passed, from, onto);
          if (budget <= 0) {
            budget = Infinity;
            cut();
          }
        } else pass(bytes, from, onto);
      });
      from.on('error', () => onto.destroy());
      from.on('close', () => onto.destroy());
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    to: (port: number) => void (target = port),
    cut,
    /** All connections end after this many more bytes from the witness. */
    cutAfter: (bytes: number) => void (budget = bytes),
    hang: (on: boolean) => void (hanging = on),
    hangOpenOnes() {
      for (const pair of pairs) pair.hangs = true;
    },
    close() {
      cut();
      server.close();
    }
  };
}
