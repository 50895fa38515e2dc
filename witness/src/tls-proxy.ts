import { connect, type AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:tls';

export interface Identity {
  /** PEM. */
  key: string;
  /** PEM: the certificate, and those between it and the authority that the client knows. */
  certificate: string;
}

/** A peer that vanished without a word is noticed after about this and ten seconds. */
const PROBE_AFTER_MS = 30_000;

/**
 * Ends TLS and passes the bytes on to a port of this pod, where Spark Connect listens for loopback only: its token never
 * crosses the network in plain text. Whoever does not speak HTTP/2, as gRPC does, is refused by the handshake.
 */
export async function openRelay(identity: Identity, port: number, to: number): Promise<TlsProxy> {
  const { key, certificate } = identity;
  const server = createServer(
    { key, cert: certificate, ALPNProtocols: ['h2'], minVersion: 'TLSv1.2', allowHalfOpen: true },
    client => {
      client.setKeepAlive(true, PROBE_AFTER_MS);
      client.setNoDelay(true);
      const spark = connect({ port: to, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
      // Pipes wait for the slower side; whichever side breaks takes the other with it.
      client.pipe(spark).pipe(client);
      client.on('error', () => spark.destroy()).on('close', () => spark.destroy());
      // Before Spark listens, and after it died: the connection breaks, which gRPC tells as "unavailable".
      spark.on('error', () => client.destroy());
      spark.on('close', () => (spark.readableEnded ? client.end() : client.destroy()));
    }
  );
  // A port scan, or a client that does not trust the certificate.
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, resolve);
  });
  return new TlsProxy(server);
}

export class TlsProxy {
  constructor(private readonly server: Server) {}

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Takes no more connections; those that are open live on. */
  close(): void {
    this.server.close();
  }
}
