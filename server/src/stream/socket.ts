import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { StreamMessage } from '@aglais/protocol';
import type { Logger } from 'pino';
import { WebSocketServer, type WebSocket } from 'ws';
import { scopeOfRequest } from '../identity/authenticate.js';
import type { Tokens } from '../identity/tokens.js';
import { ProblemError } from '../problems.js';
import type { Journal } from './journal.js';

const PATH = '/api/v1/stream';
const PING_MS = 20_000;
/** A client that reads slower than this is cut off; it comes back with its cursor. */
const MAX_BUFFERED_BYTES = 8 * 2 ** 20;

/** Serves the journal as a WebSocket on the HTTP server. Call the result to close all connections. */
export function serveStream(
  server: Server,
  journal: Journal,
  tokens: Tokens,
  log: Logger
): () => void {
  // What changes goes to every client: it is written once.
  let written: { message: StreamMessage; text: string } | null = null;
  const textOf = (message: StreamMessage): string => {
    if (written?.message !== message) written = { message, text: JSON.stringify(message) };
    return written.text;
  };
  const sockets = new WebSocketServer({ noServer: true, maxPayload: 64 * 1024 });

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', error => log.debug({ err: error }, 'a connection broke'));
    // Nobody catches what is thrown here: it would end the server.
    const url = URL.parse(request.url ?? '/', 'http://localhost');
    try {
      if (!url) throw new ProblemError(400, 'invalid-request', 'This is not an address.');
      if (url.pathname !== PATH)
        throw new ProblemError(404, 'not-found', `There is no stream at ${url.pathname}.`);
      scopeOfRequest(request, tokens);
    } catch (error) {
      refuse(socket, error as ProblemError);
      return;
    }
    const cursor = url.searchParams.get('cursor');
    sockets.handleUpgrade(request, socket, head, client => follow(client, cursor));
  });

  function follow(client: WebSocket, cursor: string | null): void {
    const leave = journal.subscribe(cursor, (message: StreamMessage) => {
      if (client.bufferedAmount > MAX_BUFFERED_BYTES) client.terminate();
      else client.send(textOf(message));
    });
    let alive = true;
    const ping = setInterval(() => {
      if (!alive) client.terminate();
      alive = false;
      client.ping();
    }, PING_MS);
    client.on('pong', () => (alive = true));
    client.on('error', error => log.debug({ err: error }, 'a stream broke'));
    client.on('close', () => {
      clearInterval(ping);
      leave();
    });
  }

  return () => {
    for (const client of sockets.clients) client.close(1001, 'The server ends.');
    sockets.close();
  };
}

function refuse(socket: Duplex, problem: ProblemError): void {
  const body = JSON.stringify(problem.toProblem());
  socket.end(
    `HTTP/1.1 ${problem.status} ${problem.toProblem().title}\r\nContent-Type: application/problem+json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`
  );
}
