import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, connect as connectTcp, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { openEvidenceServer, type EvidenceServer } from '../src/evidence-server.js';
import { openTlsProxy, type TlsProxy } from '../src/tls-proxy.js';
import { testCertificate, type TestCertificate } from './support/certificate.js';
import { ask, text } from './support/request.js';

const LIMITS = { max: 12, maxPending: 4, handshakeMs: 400, firstRequestMs: 400, stalledMs: 1_000 };

let identity: TestCertificate;
let ends: (() => unknown)[];
beforeAll(() => {
  identity = testCertificate();
});
beforeEach(() => {
  ends = [];
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A client that connects and sends nothing. */
async function silent(port: number): Promise<Socket> {
  const socket = connectTcp(port, '127.0.0.1');
  socket.on('error', () => undefined);
  ends.push(() => socket.destroy());
  await new Promise(resolve => socket.once('connect', resolve));
  return socket;
}

/** A client that completes the handshake and sends nothing. */
async function shaken(port: number, protocol: string): Promise<TLSSocket> {
  const options = { port, host: '127.0.0.1', ca: identity.certificate, ALPNProtocols: [protocol] };
  const socket = connectTls(options);
  socket.on('error', () => undefined);
  ends.push(() => socket.destroy());
  await new Promise(resolve => socket.once('secureConnect', resolve));
  return socket;
}

async function until(condition: () => boolean, ms: number): Promise<void> {
  const begun = Date.now();
  while (!condition()) {
    if (Date.now() - begun > ms) throw new Error('not in time');
    await sleep(10);
  }
}

describe('The evidence server', () => {
  let directory: string;
  let server: EvidenceServer;
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'aglais-witness-'));
    const over = new AbortController();
    server = await openEvidenceServer({
      ...{ directory, application: null, identity, token: 'token', port: 0, limits: LIMITS },
      over: over.signal,
      onDone: () => undefined
    });
    ends.push(async () => {
      over.abort();
      await server.close();
      rmSync(directory, { recursive: true });
    });
  });
  const get = (path: string, token = 'token') =>
    ask({ port: server.port, ca: identity.certificate, token, path });

  it('closes silent clients, before and after the handshake', async () => {
    await silent(server.port);
    await shaken(server.port, 'http/1.1');
    expect(server.connections).toBe(2);
    await until(() => server.connections === 0, 3_000);
  });

  it('responds to its reader during a flood of silent connections', async () => {
    const flood = (async () => {
      for (let index = 0; index < 200; index += 1) await silent(server.port);
    })();
    for (let index = 0; index < 20; index += 1) {
      expect(await text(await get('/files'))).toContain('"files":[]');
      expect(server.connections).toBeLessThanOrEqual(LIMITS.max);
    }
    await flood;
  });

  it('keeps no more connections than its limit, even with the token', async () => {
    const open = await Promise.allSettled(
      Array.from({ length: 30 }, () => get('/files/live.jsonl?follow=1'))
    );
    const answered = open.flatMap(one => (one.status === 'fulfilled' ? [one.value] : []));
    ends.push(() => answered.forEach(one => one.destroy()));
    expect(answered.length).toBeGreaterThan(0);
    expect(server.connections).toBeLessThanOrEqual(LIMITS.max);
  });

  it('closes a reader that requests a file and reads nothing', async () => {
    writeFileSync(join(directory, 'driver.log'), Buffer.alloc(64 * 2 ** 20, 'x'));
    const answer = await get('/files/driver.log?follow=1');
    answer.on('error', () => undefined).pause();
    await until(() => server.connections === 0, 5_000);
  });

  it('keeps a reader that follows an unchanged file', async () => {
    writeFileSync(join(directory, 'driver.log'), 'words');
    const answer = await get('/files/driver.log?follow=1');
    answer.resume();
    await sleep(2 * LIMITS.stalledMs);
    expect(server.connections).toBe(1);
    answer.destroy();
  });
});

describe('The TLS proxy', () => {
  let proxy: TlsProxy;
  beforeEach(async () => {
    const spark = createServer(socket => {
      socket.on('error', () => undefined);
      socket.once('data', () => {
        const block = Buffer.alloc(2 ** 20);
        const more = (): void => {
          while (socket.write(block));
          socket.once('drain', more);
        };
        more();
      });
    });
    await new Promise<void>(resolve => spark.listen(0, '127.0.0.1', resolve));
    proxy = await openTlsProxy(identity, 0, (spark.address() as AddressInfo).port, LIMITS);
    ends.push(
      () => spark.close(),
      () => proxy.close()
    );
  });

  it('closes silent clients, before and after the handshake', async () => {
    await silent(proxy.port);
    await shaken(proxy.port, 'h2');
    expect(proxy.connections).toBe(2);
    await until(() => proxy.connections === 0, 3_000);
  });

  it('keeps an idle kernel, and accepts new ones during a flood of silent connections', async () => {
    const kernel = await shaken(proxy.port, 'h2');
    kernel.pause();
    kernel.write('PRI * HTTP/2.0');
    for (let index = 0; index < 50; index += 1) await silent(proxy.port);
    const another = await shaken(proxy.port, 'h2');
    another.write('PRI * HTTP/2.0');
    await new Promise(resolve => another.once('data', resolve));
    expect(proxy.connections).toBeLessThanOrEqual(LIMITS.max);
    expect(kernel.destroyed).toBe(false);
    expect(another.destroyed).toBe(false);
  });

  it('closes a client that reads none of its pending bytes', async () => {
    const client = await shaken(proxy.port, 'h2');
    client.pause();
    client.write('PRI * HTTP/2.0');
    await until(() => proxy.connections === 0, 8_000);
  });
});
