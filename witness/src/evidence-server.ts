import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ConnectionCounter, type ConnectionLimits } from './connection-limits.js';
import {
  DESIRED_EXECUTORS,
  isExecutorCount,
  readShortBody,
  writeDesiredExecutors
} from './desired-executors.js';
import { evidencePath, listEvidence, openEvidence } from './evidence-files.js';
import { maxFileBytes } from './evidence-limits.js';
import { followFile, readFrom } from './follow-file.js';
import type { Identity } from './tls-proxy.js';

const PROBE_AFTER_MS = 15_000;
/** Longer than the interval between two lists of a reader: each new connection needs another handshake. */
const KEEP_ALIVE_MS = 60_000;
/** Each server of an installation has three or four connections. */
const LIMITS: ConnectionLimits = {
  max: 64,
  maxPending: 16,
  handshakeMs: 10_000,
  firstRequestMs: 10_000,
  stalledMs: 60_000
};
const MAX_HEADER_BYTES = 8_192;

export interface EvidenceServerOptions {
  directory: string;
  /** Whose event logs are served; null: all. */
  application: string | null;
  identity: Identity;
  /** Required for everything except `/healthz`. */
  token: string;
  port: number;
  /** The address to listen on; default: all. */
  host?: string;
  limits?: Partial<ConnectionLimits>;
  /** Aborted when the driver has ended: no file grows after that. */
  over: AbortSignal;
  /** The reader has everything. */
  onDone: () => void;
}

/** What is needed to handle a request. */
interface Service extends EvidenceServerOptions {
  stalledMs: number;
  connections: ConnectionCounter;
}

/**
 * Serves the driver's files over HTTPS, up to the limit of each file (`evidence-limits.ts`).
 *
 * - `GET /healthz` — 200 (without a token)
 * - `GET /files` — `{over, files: [{path, size}]}`; `over`: the driver has ended and no file grows any more
 * - `GET /files/<path>?from=<offset>[&to=<offset>]` — the bytes that exist now; 416 if the file is shorter than `from`
 * - `GET /files/<path>?from=<offset>&follow=1` — the same, and then what is appended; waits for a file that does not
 *   exist yet, and ends when the driver has ended and everything was sent, or at the limit of the file
 * - `PUT /files/executors` — a number or a range (`2-8`): the desired number of executors from now on; 204. No other
 *   file is written
 * - `POST /done` — the reader has everything: this witness may exit
 */
export async function openEvidenceServer(options: EvidenceServerOptions): Promise<EvidenceServer> {
  const { key, certificate } = options.identity;
  const limits = { ...LIMITS, ...options.limits };
  const server = createServer({
    key,
    cert: certificate,
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['http/1.1'],
    handshakeTimeout: limits.handshakeMs,
    headersTimeout: limits.firstRequestMs,
    requestTimeout: limits.firstRequestMs,
    connectionsCheckingInterval: Math.ceil(limits.firstRequestMs / 4),
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: MAX_HEADER_BYTES
  });
  const connections = new ConnectionCounter(server, limits);
  const service: Service = { ...options, stalledMs: limits.stalledMs, connections };
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    answer(service, request, response).catch((error: unknown) => {
      if (!response.headersSent) plain(response, 500, (error as Error).message);
      else response.destroy();
    });
  });
  // A dead reader does not close its connection.
  server.on('secureConnection', (socket: Socket) => socket.setKeepAlive(true, PROBE_AFTER_MS));
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return new EvidenceServer(server, connections);
}

export class EvidenceServer {
  constructor(
    private readonly server: Server,
    private readonly counter: ConnectionCounter
  ) {}

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Number of open connections. */
  get connections(): number {
    return this.counter.count;
  }

  /** Accepts no more requests and resolves when the open ones are answered. */
  async close(): Promise<void> {
    const closed = new Promise(resolve => this.server.close(resolve));
    this.server.closeIdleConnections();
    await closed;
  }
}

async function answer(
  service: Service,
  request: IncomingMessage,
  response: ServerResponse
): Promise<void> {
  const [target = '', query = ''] = (request.url ?? '').split('?', 2);
  if (target === '/healthz') return plain(response, 200, 'ok');
  if (!hasToken(request, service.token)) {
    response.setHeader('WWW-Authenticate', 'Bearer');
    return plain(response, 401, "The cluster's token is needed.");
  }
  service.connections.accept(request.socket);
  if (request.method === 'POST' && target === '/done') {
    response.once('finish', service.onDone);
    return plain(response, 200, 'ok');
  }
  if (request.method === 'PUT' && target === `/files/${DESIRED_EXECUTORS}`) {
    return await setDesiredExecutors(service.directory, request, response);
  }
  if (request.method !== 'GET') return plain(response, 405, 'Only GET is allowed here.');
  if (target === '/files') {
    // Read before the list: files that are listed after the end do not grow.
    const over = service.over.aborted;
    const files = await listEvidence(service.directory, service.application);
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify({ over, files }));
    return;
  }
  const path = target.startsWith('/files/')
    ? readPath(target.slice('/files/'.length), service.application)
    : null;
  if (path === null) return plain(response, 404, 'No such file.');
  const parameters = new URLSearchParams(query);
  const from = readOffset(parameters.get('from'), 0);
  const to = readOffset(parameters.get('to'), Infinity);
  if (from === null || to === null) {
    return plain(response, 400, 'from and to are offsets in bytes.');
  }
  await sendFile(service, response, path, { from, to, follow: parameters.get('follow') === '1' });
}

async function setDesiredExecutors(
  directory: string,
  request: IncomingMessage,
  response: ServerResponse
): Promise<void> {
  const body = await readShortBody(request);
  if (!isExecutorCount(body)) {
    const message = 'The number of executors is a positive number, or two with "-" between them.';
    return plain(response, 400, message);
  }
  await writeDesiredExecutors(directory, body);
  response.writeHead(204).end();
}

async function sendFile(
  { directory, over, stalledMs }: Service,
  response: ServerResponse,
  path: string,
  { from, to, follow }: { from: number; to: number; follow: boolean }
): Promise<void> {
  const end = Math.min(to, maxFileBytes(path));
  const file = await openEvidence(directory, path);
  try {
    const size = (await file?.stat())?.size ?? 0;
    if (!file && !follow) return plain(response, 404, 'No such file.');
    if (from > size) return plain(response, 416, `The file has ${size} bytes.`);
    if (file && !follow)
      return await send(response, readFrom(file, from, Math.min(size, end)), stalledMs);
  } finally {
    await file?.close();
  }
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const chunks = followFile({ directory, path, from, to: end, over, signal: gone.signal });
  await send(response, chunks, stalledMs);
}

/** Sends as fast as the client reads; a client that reads nothing for `stalledMs` while bytes are pending is closed. */
async function send(
  response: ServerResponse,
  chunks: AsyncIterable<Buffer>,
  stalledMs: number
): Promise<void> {
  response.setHeader('Content-Type', 'application/octet-stream');
  // A reader that waits for a file has to know that its request was accepted.
  response.flushHeaders();
  const stalled = (): void => void response.destroy();
  const timed = async function* (): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      const timer = setTimeout(stalled, stalledMs);
      yield chunk;
      clearTimeout(timer);
    }
  };
  const source = Readable.from(timed(), { objectMode: false, highWaterMark: 1 });
  // The reader is gone: there is nobody to report an error to.
  await pipeline(source, response).catch(() => response.destroy());
}

function readOffset(text: string | null, otherwise: number): number | null {
  if (text === null) return otherwise;
  const offset = Number(text);
  return Number.isSafeInteger(offset) && offset >= 0 ? offset : null;
}

function readPath(encoded: string, application: string | null): string | null {
  try {
    return evidencePath(decodeURIComponent(encoded), application);
  } catch {
    return null;
  }
}

/** Compares hashes, so that the duration does not depend on the length or the content. */
function hasToken({ headers }: IncomingMessage, token: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  // The proxy of an API server does not forward the Authorization header: it is used for the API server itself.
  const [own] = [headers['aglais-token']].flat();
  const given = own === undefined ? headers.authorization : `Bearer ${own}`;
  return timingSafeEqual(hash(given ?? ''), hash(`Bearer ${token}`));
}

function plain(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' });
  response.end(`${text}\n`);
}
