import { connect, type AddressInfo } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { ConnectionCounter, type ConnectionLimits } from './connection-limits.js';

export interface Identity {
  /** PEM. */
  key: string;
  /** PEM: the certificate, and those between it and the CA that the client trusts. */
  certificate: string;
}

/** A dead peer is detected about this long plus ten seconds after its last byte. */
const PROBE_AFTER_MS = 30_000;
/** A kernel has one connection. A stopped kernel (SIGSTOP) reads nothing for a while and must not lose it. */
const LIMITS: ConnectionLimits = {
  max: 128,
  maxPending: 32,
  handshakeMs: 10_000,
  firstRequestMs: 10_000,
  stalledMs: 900_000
};

/**
 * Terminates TLS and forwards the bytes to a port of this pod, where Spark Connect listens on loopback only: its token
 * never crosses the network in plain text. A client that does not speak HTTP/2, as gRPC does, is refused in the
 * handshake.
 */
export async function openTlsProxy(
  identity: Identity,
  port: number,
  target: number,
  options: Partial<ConnectionLimits> = {}
): Promise<TlsProxy> {
  const { key, certificate } = identity;
  const limits = { ...LIMITS, ...options };
  const server = createServer({
    key,
    cert: certificate,
    ALPNProtocols: ['h2'],
    minVersion: 'TLSv1.2',
    allowHalfOpen: true,
    handshakeTimeout: limits.handshakeMs
  });
  const connections = new ConnectionCounter(server, limits);
  server.on('secureConnection', client => {
    client.setKeepAlive(true, PROBE_AFTER_MS);
    client.setNoDelay(true);
    const spark = connect({ port: target, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    // In HTTP/2 the client speaks first (RFC 9113, 3.4).
    const silent = setTimeout(() => client.destroy(), limits.firstRequestMs);
    client.once('data', () => {
      clearTimeout(silent);
      connections.accept(client);
    });
    closeStalled(client, limits.stalledMs);
    // Pipes wait for the slower side; if one side breaks, the other is closed.
    client.pipe(spark).pipe(client);
    client.on('error', () => spark.destroy());
    client.on('close', () => {
      clearTimeout(silent);
      spark.destroy();
    });
    // Before Spark listens, and after it exited: the connection breaks, which gRPC reports as "unavailable".
    spark.on('error', () => client.destroy());
    spark.on('close', () => (spark.readableEnded ? client.end() : client.destroy()));
  });
  // A port scan, a client that does not trust the certificate, or a slow handshake: with half-open sockets Node does
  // not close these by itself.
  server.on('tlsClientError', (_error, client) => client.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, resolve);
  });
  return new TlsProxy(server, connections);
}

export class TlsProxy {
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

  /** Accepts no more connections; open ones are kept. */
  close(): void {
    this.server.close();
  }
}

/** Closes a client that reads none of its pending bytes. An idle one is kept. */
function closeStalled(client: TLSSocket, stalledMs: number): void {
  client.setTimeout(stalledMs);
  client.on('timeout', () => {
    if (client.writableLength > 0) client.destroy();
    else client.setTimeout(stalledMs);
  });
}
