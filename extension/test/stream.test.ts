import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket as ServerSocket } from 'ws';
import type { StreamMessage } from '@aglais/protocol';
import { backoff } from '../src/backend/backoff';
import { Stream } from '../src/backend/stream';

describe('waiting before the next attempt to connect', () => {
  it('doubles from half a second to a quarter of a minute', () => {
    expect([1, 2, 3, 4, 5, 6, 60].map(failures => backoff(failures, 1))).toEqual([
      500, 1000, 2000, 4000, 8000, 15_000, 15_000
    ]);
  });

  it('is spread over half its length, so that pages do not ask all at once', () => {
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
      if (Date.now() > end) throw new Error('It did not come to be.');
      await new Promise(resolve => setTimeout(resolve, 10));
    }
  }

  it('goes on from its cursor after the connection was lost', async () => {
    stream = connect();
    await until(() => received.length === 1);
    for (const socket of server.clients) socket.terminate();
    await until(() => received.length === 2);
    expect(cursors).toEqual([null, '7']);
    expect(connections).toEqual([true, false, true]);
  });

  it('does not take an accepted connection for one to the backend', async () => {
    greet = socket => socket.close(1013, 'The Aglais server does not answer');
    stream = connect();
    await until(() => connections.length === 2);
    expect(connections).toEqual([false, false]);
  });

  it('reads on after a message that is no JSON', async () => {
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

  it('ends for good when it is disposed of', async () => {
    stream = connect();
    await until(() => received.length === 1);
    stream.dispose();
    await until(() => server.clients.size === 0);
    await new Promise(resolve => setTimeout(resolve, 700));
    expect(cursors).toEqual([null]);
  });
});
