import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket as ServerSocket } from 'ws';
import type { StreamMessage } from '@aglais/protocol';
import { backoff } from '../src/backend/backoff';
import { Stream } from '../src/backend/stream';

describe('the delay before the next attempt to connect', () => {
  it('doubles from 0.5 s to 15 s', () => {
    expect([1, 2, 3, 4, 5, 6, 60].map(failures => backoff(failures, 1))).toEqual([
      500, 1000, 2000, 4000, 8000, 15_000, 15_000
    ]);
  });

  it('has jitter of half its length, so that pages do not reconnect at the same time', () => {
    expect(backoff(3, 0)).toBe(1000);
    expect(backoff(3, 0.5)).toBe(1500);
  });
});

describe('the stream, with a real WebSocket server', () => {
  let server: WebSocketServer;
  let stream: Stream | undefined;
  let cursors: (string | null)[];
  let received: StreamMessage[];
  let connections: boolean[];
  let greet: (socket: ServerSocket) => void;

  beforeEach(async () => {
    cursors = [];
    received = [];
    connections = [];
    greet = socket => socket.send(JSON.stringify({ type: 'resumed', cursor: '7' }));
    server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    server.on('connection', (socket, request) => {
      cursors.push(new URL(request.url ?? '', 'http://here').searchParams.get('cursor'));
      greet(socket);
    });
    await new Promise(resolve => server.once('listening', resolve));
  });

  afterEach(async () => {
    stream?.dispose();
    for (const socket of server.clients) socket.terminate();
    await new Promise(resolve => server.close(resolve));
  });

  function connect(): Stream {
    const { port } = server.address() as AddressInfo;
    return new Stream({
      address: () => {
        const cursor = received.at(-1)?.cursor;
        return `ws://127.0.0.1:${port}/${cursor === undefined ? '' : `?cursor=${cursor}`}`;
      },
      WebSocket,
      onMessage: message => received.push(message),
      onConnection: connected => connections.push(connected)
    });
  }

  async function until(condition: () => boolean): Promise<void> {
    const end = Date.now() + 4000;
    while (!condition()) {
      if (Date.now() > end) throw new Error('The condition was not met within 4 s.');
      await new Promise(resolve => setTimeout(resolve, 10));
    }
  }

  it('resumes from its cursor after the connection is lost', async () => {
    stream = connect();
    await until(() => received.length === 1);
    for (const socket of server.clients) socket.terminate();
    await until(() => received.length === 2);
    expect(cursors).toEqual([null, '7']);
    expect(connections).toEqual([true, false, true]);
  });

  it('is connected only after a message, not as soon as the proxy accepts', async () => {
    greet = socket => socket.close(1013, 'The Aglais server does not answer');
    stream = connect();
    await until(() => connections.length === 2);
    expect(connections).toEqual([false, false]);
  });

  it('ignores a message that is not valid JSON', async () => {
    const warn = jest.spyOn(console, 'warn').mockImplementation(() => {});
    greet = socket => {
      socket.send('{"type": "clus');
      socket.send(JSON.stringify({ type: 'resumed', cursor: '8' }));
    };
    stream = connect();
    await until(() => received.length === 1);
    expect(received).toEqual([{ type: 'resumed', cursor: '8' }]);
    expect(warn).toHaveBeenCalledTimes(1);
    warn.mockRestore();
  });

  it('does not reconnect after it is disposed', async () => {
    stream = connect();
    await until(() => received.length === 1);
    stream.dispose();
    await until(() => server.clients.size === 0);
    await new Promise(resolve => setTimeout(resolve, 700));
    expect(cursors).toEqual([null]);
  });
});
