import { createServer as createHttp2, connect as connectHttp2 } from 'node:http2';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { openTlsProxy, type TlsProxy } from '../src/tls-proxy.js';
import { testCertificate, type TestCertificate } from './support/certificate.js';

describe('The TLS proxy in front of Spark Connect', () => {
  let identity: TestCertificate;
  const ends: (() => void)[] = [];
  beforeAll(() => {
    identity = testCertificate();
  });
  afterEach(() => {
    for (const end of ends.splice(0)) end();
  });

  async function proxyTo(port: number): Promise<TlsProxy> {
    const proxy = await openTlsProxy(identity, 0, port);
    ends.push(() => proxy.close());
    return proxy;
  }

  async function listening(server: Server): Promise<number> {
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    ends.push(() => server.close());
    return (server.address() as AddressInfo).port;
  }

  function client(port: number, ALPNProtocols: string[] = ['h2']): Promise<TLSSocket> {
    return new Promise((resolve, reject) => {
      const options = { port, host: '127.0.0.1', ca: identity.certificate, ALPNProtocols };
      const socket = connectTls(options, () => resolve(socket));
      socket.once('error', reject);
      ends.push(() => socket.destroy());
    });
  }

  it('forwards HTTP/2, many concurrent streams, in both directions', async () => {
    const spark = createHttp2((request, response) => {
      response.setHeader('trailer-like', 'yes');
      request.pipe(response);
    });
    await new Promise<void>(resolve => spark.listen(0, '127.0.0.1', resolve));
    ends.push(() => spark.close());
    const proxy = await proxyTo((spark.address() as AddressInfo).port);
    const session = connectHttp2(`https://127.0.0.1:${proxy.port}`, { ca: identity.certificate });
    ends.push(() => session.destroy());
    const bodies = await Promise.all(
      ['a', 'b', 'c'].map(async letter => {
        const sent = letter.repeat(300_000);
        const stream = session.request({ ':method': 'POST' });
        stream.end(sent);
        let body = '';
        for await (const chunk of stream) body += String(chunk);
        return body === sent;
      })
    );
    expect(bodies).toEqual([true, true, true]);
    expect((session.socket as TLSSocket).alpnProtocol).toBe('h2');
  });

  it('refuses clients that do not speak HTTP/2, or do not trust it', async () => {
    const proxy = await proxyTo(1);
    await expect(client(proxy.port, ['http/1.1'])).rejects.toThrow();
    const stranger = testCertificate().certificate;
    const session = connectHttp2(`https://127.0.0.1:${proxy.port}`, { ca: stranger });
    const refused = await new Promise<Error>(resolve => session.once('error', resolve));
    expect(refused.message).toMatch(/certificate|signature/);
  });

  it('closes the connection when nobody listens behind it', async () => {
    const server = createServer();
    const port = await listening(server);
    await new Promise(resolve => server.close(resolve));
    const proxy = await proxyTo(port);
    const socket = await client(proxy.port);
    await new Promise(resolve => socket.once('close', resolve));
  });

  it.each(['end', 'destroy'] as const)(
    'closes one side when the other is closed (%s)',
    async how => {
      const accepted: Socket[] = [];
      const port = await listening(createServer(socket => void accepted.push(socket.resume())));
      const proxy = await proxyTo(port);
      const one = await client(proxy.port);
      const two = await client(proxy.port);
      while (accepted.length < 2) await sleep(5);
      one.on('error', () => undefined);
      const first = new Promise(resolve => accepted[0]!.once('close', resolve));
      accepted[0]!.on('error', () => undefined);
      one[how]();
      await first;
      const second = new Promise(resolve => two.once('close', resolve));
      two.on('error', () => undefined).resume();
      if (how === 'end') accepted[1]!.end();
      else accepted[1]!.resetAndDestroy();
      await second;
    }
  );

  it('delivers the last bytes of a side that ends', async () => {
    const size = 4 * 2 ** 20;
    const server = createServer(socket => void socket.end(Buffer.alloc(size, 'x')));
    const proxy = await proxyTo(await listening(server));
    const socket = await client(proxy.port);
    let bytes = 0;
    for await (const chunk of socket) bytes += (chunk as Buffer).length;
    expect(bytes).toBe(size);
  });

  it('reads no more from Spark than a slow client does', async () => {
    let written = 0;
    const block = Buffer.alloc(2 ** 20);
    const server = createServer(socket => {
      const more = (): void => {
        while (socket.write(block)) written += block.length;
        written += block.length;
        socket.once('drain', more);
      };
      more();
      socket.on('error', () => undefined);
    });
    const proxy = await proxyTo(await listening(server));
    const socket = await client(proxy.port);
    socket.pause();
    // Kernel buffers in both directions; without limits an endless source sends gigabytes.
    const most = 64 * 2 ** 20;
    let before = -1;
    while (written !== before && written < most) {
      before = written;
      await sleep(500);
    }
    expect(written).toBeLessThan(most);
  });
});
