import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { evidencePath, listEvidence, openEvidence } from './evidence-files.js';
import { DESIRED_EXECUTORS, WISH_BYTES, writeWish } from './wish.js';
import { followFile, readFrom } from './follow-file.js';
import type { Identity } from './tls-proxy.js';

const PROBE_AFTER_MS = 15_000;
/** Longer than a reader waits between two looks: each new connection costs both of them a handshake. */
const KEEP_ALIVE_MS = 60_000;

export interface EvidenceServerOptions {
  directory: string;
  /** Whose event logs are handed out; null: all that are there. */
  application: string | null;
  identity: Identity;
  /** Opens everything but `/healthz`. */
  token: string;
  port: number;
  /** Where it listens; all addresses if nothing is said. */
  host?: string;
  /** Aborted when the driver has ended: what is there then is all. */
  over: AbortSignal;
  /** The reader says that it has all. */
  onDone: () => void;
}

/**
 * Hands out what the driver wrote, over HTTPS:
 *
 * - `GET /healthz` — 200 (without a token)
 * - `GET /files` — `{over, files: [{path, size}]}`; `over`: the driver has ended and no file grows any more
 * - `GET /files/<path>?from=<offset>` — the bytes that are there now; 416 if the file is shorter
 * - `GET /files/<path>?from=<offset>&follow=1` — the same, and then what is appended; waits for a file that is not there
 *   yet, and ends when the driver has ended and everything was sent
 * - `PUT /files/executors` — a number or a range (`2-8`): how many executors the driver shall have from now on; 204.
 *   Nothing else is written
 * - `POST /done` — the reader has all: this witness is needed no longer
 */
export async function openEvidenceServer(options: EvidenceServerOptions): Promise<EvidenceServer> {
  const { key, certificate } = options.identity;
  const server = createServer(
    { key, cert: certificate, minVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'] },
    (request, response) => {
      answer(options, request, response).catch((error: unknown) => {
        if (!response.headersSent) plain(response, 500, (error as Error).message);
        else response.destroy();
      });
    }
  );
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  // Readers that went away without a word must not be kept for ever.
  server.on('secureConnection', socket => socket.setKeepAlive(true, PROBE_AFTER_MS));
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return new EvidenceServer(server);
}

export class EvidenceServer {
  constructor(private readonly server: Server) {}

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Takes no more requests and resolves when the open ones are answered. */
  async close(): Promise<void> {
    const closed = new Promise(resolve => this.server.close(resolve));
    this.server.closeIdleConnections();
    await closed;
  }
}

async function answer(
  options: EvidenceServerOptions,
  request: IncomingMessage,
  response: ServerResponse
): Promise<void> {
  const [target = '', query = ''] = (request.url ?? '').split('?', 2);
  if (target === '/healthz') return plain(response, 200, 'ok');
  if (!isOwner(request, options.token)) {
    response.setHeader('WWW-Authenticate', 'Bearer');
    return plain(response, 401, 'The token of this cluster is needed.');
  }
  if (request.method === 'POST' && target === '/done') {
    response.once('finish', options.onDone);
    return plain(response, 200, 'ok');
  }
  if (request.method === 'PUT' && target === `/files/${DESIRED_EXECUTORS}`) {
    return await takeWish(options.directory, request, response);
  }
  if (request.method !== 'GET') return plain(response, 405, 'Only GET is known here.');
  if (target === '/files') {
    // Asked first: what is listed after the end does not grow.
    const over = options.over.aborted;
    const files = await listEvidence(options.directory, options.application);
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify({ over, files }));
    return;
  }
  const path = target.startsWith('/files/')
    ? readPath(target.slice('/files/'.length), options.application)
    : null;
  const asked = new URLSearchParams(query);
  const from = Number(asked.get('from') ?? 0);
  if (path === null) return plain(response, 404, 'No such file.');
  if (!Number.isSafeInteger(from) || from < 0) {
    return plain(response, 400, 'from is the number of the first byte that is wanted.');
  }
  await sendFile(options, response, path, from, asked.get('follow') === '1');
}

async function takeWish(
  directory: string,
  request: IncomingMessage,
  response: ServerResponse
): Promise<void> {
  let body = '';
  for await (const chunk of request) {
    body += String(chunk);
    if (body.length > WISH_BYTES) break;
  }
  if (!/^[1-9]\d{0,5}(-[1-9]\d{0,5})?\n?$/.test(body) || body.length > WISH_BYTES) {
    const words = 'The number of executors is a positive number, or two with "-" between them.';
    return plain(response, 400, words);
  }
  await writeWish(directory, body);
  response.writeHead(204).end();
}

async function sendFile(
  options: EvidenceServerOptions,
  response: ServerResponse,
  path: string,
  from: number,
  follow: boolean
): Promise<void> {
  const { directory, over } = options;
  const file = await openEvidence(directory, path);
  try {
    const size = (await file?.stat())?.size ?? 0;
    if (!file && !follow) return plain(response, 404, 'No such file.');
    if (from > size) return plain(response, 416, `The file has ${size} bytes.`);
    if (file && !follow) return await send(response, readFrom(file, from, size));
  } finally {
    await file?.close();
  }
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  await send(response, followFile({ directory, path, from, over, signal: gone.signal }));
}

/** Pipes wait for a slow reader: what it has not taken is not read. */
async function send(response: ServerResponse, chunks: AsyncIterable<Buffer>): Promise<void> {
  response.setHeader('Content-Type', 'application/octet-stream');
  // A reader that waits for a file must know that it was understood.
  response.flushHeaders();
  const source = Readable.from(chunks, { objectMode: false, highWaterMark: 1 });
  // The reader left: nobody is there to be told.
  await pipeline(source, response).catch(() => response.destroy());
}

function readPath(encoded: string, application: string | null): string | null {
  try {
    return evidencePath(decodeURIComponent(encoded), application);
  } catch {
    return null;
  }
}

/** Hashed first: then the comparison takes as long for any length, and says nothing by its time. */
function isOwner({ headers }: IncomingMessage, token: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  // Through the proxy of an API server comes no Authorization: that one is the API server's, and it keeps it.
  const [own] = [headers['aglais-token']].flat();
  const said = own === undefined ? headers.authorization : `Bearer ${own}`;
  return timingSafeEqual(hash(said ?? ''), hash(`Bearer ${token}`));
}

function plain(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' });
  response.end(`${text}\n`);
}
