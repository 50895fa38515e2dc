import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { clusterView } from '../src/clusters/cluster-view.js';
import { Health } from '../src/health.js';
import type { Tokens } from '../src/identity/tokens.js';
import { Journal } from '../src/stream/journal.js';
import { serveStream } from '../src/stream/socket.js';
import { LOCAL, row } from './support/rows.js';
import { Client, eventually } from './support/server.js';
import { follow } from './support/stream.js';

const tokens: Tokens = {
  scopeOf: token => (token === 'good' ? 'user' : null),
  forCluster: () => '',
  secretOf: () => ''
};

describe('The stream to a client that does not read', () => {
  const journal = new Journal();
  let http: Server;
  let client: Client;
  let end: () => void;
  let lazy: Socket;

  beforeAll(async () => {
    http = createServer();
    const health = new Health();
    health.opened();
    end = serveStream(http, journal, tokens, health, pino({ level: 'silent' }));
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    client = new Client(`http://127.0.0.1:${(http.address() as AddressInfo).port}`, 'good');
  });
  afterAll(() => {
    lazy.destroy();
    end();
    http.close();
  });

  it('is disconnected, while others get every message', async () => {
    const { port } = http.address() as AddressInfo;
    lazy = connect(port, '127.0.0.1');
    lazy.on('error', () => undefined);
    lazy.write(
      'GET /api/v1/stream HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nAuthorization: Bearer good\r\n\r\n'
    );
    await once(lazy, 'data');
    lazy.pause();
    const connections = () =>
      new Promise<number>(resolve => http.getConnections((_error, count) => resolve(count)));
    const diligent = await follow(client);
    expect(await connections()).toBe(2);
    const cluster = clusterView(row({ reason: 'x'.repeat(2 ** 20) }), null, null, 1, 1, LOCAL);
    const count = 40;
    for (let n = 1; n <= count; n += 1) {
      journal.publish({ type: 'cluster', cluster: { ...cluster, revision: n } });
      await eventually('the message', () => diligent.messages.length > n, 10_000);
    }
    await eventually('the cut', async () => (await connections()) === 1, 10_000);
    expect(diligent.messages).toHaveLength(count + 1);
    diligent.close();
  }, 60_000);
});
