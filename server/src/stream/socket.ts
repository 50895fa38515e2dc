import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { StreamMessage } from '@aglais/protocol';
import { Router } from 'express';
import type { Logger } from 'pino';
import { WebSocketServer, type WebSocket } from 'ws';
import { scopeOfRequest } from '../identity/authenticate.js';
import type { Tokens } from '../identity/tokens.js';
import type { Health } from '../health.js';
import { ProblemError, unavailable, writeProblem } from '../problems.js';
import { serveOperation } from '../routing.js';
import type { Journal } from './journal.js';

const PATH = '/api/v1/stream';
const PING_MS = 20_000;
/** A client that reads too slowly is disconnected; it reconnects with its cursor. */
const MAX_BUFFERED_BYTES = 8 * 2 ** 20;

/** Responds to a plain HTTP request to the stream's path. */
export function streamRoutes(): Router {
  const router = Router();
  serveOperation(router, 'GET /stream', () => {
    throw new ProblemError(
      426,
      'websocket-required',
      'This is a WebSocket: connect with wss:// or ws:// instead. Nothing was changed.',
      undefined,
      { Upgrade: 'websocket', Connection: 'Upgrade' }
    );
  });
  return router;
}

/**
 * Serves the journal as a WebSocket on the HTTP server. Call the result to close all connections.
 * @param health before everything is open, a client would get an empty state
 */
export function serveStream(
  server: Server,
  journal: Journal,
  tokens: Tokens,
  health: Health,
  log: Logger
): () => void {
  // A change goes to every client: it is serialized once.
  let written: { message: StreamMessage; text: string } | null = null;
  const textOf = (message: StreamMessage): string => {
    if (written?.message !== message) written = { message, text: JSON.stringify(message) };
    return written.text;
  };
  const sockets = new WebSocketServer({ noServer: true, maxPayload: 64 * 1024 });

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', error => log.debug({ err: error }, 'connection broke'));
    // An error here has no catch: it would end the process.
    const url = URL.parse(request.url ?? '/', 'http://localhost');
    try {
      if (!url) throw new ProblemError(400, 'invalid-request', 'Invalid URL.');
      if (url.pathname !== PATH)
        throw new ProblemError(404, 'not-found', `There is no stream at ${url.pathname}.`);
      scopeOfRequest(request, tokens);
      if (health.unavailable !== null) throw unavailable(health.unavailable);
    } catch (error) {
      writeProblem(socket, error as ProblemError);
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
    client.on('error', error => log.debug({ err: error }, 'stream broke'));
    client.on('close', () => {
      clearInterval(ping);
      leave();
    });
  }

  return () => {
    for (const client of sockets.clients) client.close(1001, 'The server is shutting down.');
    sockets.close();
  };
}
