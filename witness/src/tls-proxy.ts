import { connect, type AddressInfo } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { ConnectionCounter, type ConnectionLimits } from './connection-limits.js';

export interface Identity {
  /** PEM. */
  key: string;
  /** PEM: the certificate, and those between it and the authority that the client knows. */
  certificate: string;
}

/** A peer whose machine is gone is noticed after about this and ten seconds. */
const PROBE_AFTER_MS = 30_000;
/** A kernel has one connection. A kernel that is stopped (SIGSTOP) takes nothing for a while and must not lose it. */
const LIMITS: ConnectionLimits = {
  max: 128,
  maxPending: 32,
  handshakeMs: 10_000,
  firstRequestMs: 10_000,
  stalledMs: 900_000
};

/**
 * Terminates TLS and passes the bytes on to a port of this pod, where Spark Connect listens on loopback only: its token
 * never crosses the network in plain text. A client that does not speak HTTP/2, as gRPC does, is refused by the handshake.
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
    // Pipes wait for the slower side; a side that breaks takes the other with it.
    client.pipe(spark).pipe(client);
    client.on('error', () => spark.destroy());
    client.on('close', () => {
      clearTimeout(silent);
      spark.destroy();
    });
    // Before Spark listens, and after it died: the connection breaks, which gRPC reports as "unavailable".
    spark.on('error', () => client.destroy());
    spark.on('close', () => (spark.readableEnded ? client.end() : client.destroy()));
  });
  // A port scan, a client that does not trust the certificate, or a handshake that takes too long: with half-open sockets
  // Node does not close these by itself.
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

  /** Connections that are open now. */
  get connections(): number {
    return this.counter.count;
  }

  /** Accepts no more connections; open ones are kept. */
  close(): void {
    this.server.close();
  }
}

/** Closes a client that takes none of the bytes that wait for it. One that is only idle is kept. */
function closeStalled(client: TLSSocket, stalledMs: number): void {
  client.setTimeout(stalledMs);
  client.on('timeout', () => {
    if (client.writableLength > 0) client.destroy();
    else client.setTimeout(stalledMs);
  });
}
