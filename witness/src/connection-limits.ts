import type { Server, Socket } from 'node:net';

export interface ConnectionLimits {
  /** Maximum number of open connections; more are refused. */
  max: number;
  /** Maximum number of pending connections (not accepted yet); beyond it the oldest of these is closed. */
  maxPending: number;
  /** Time for the TLS handshake, ms. */
  handshakeMs: number;
  /** Time after the handshake for the first request, ms. */
  firstRequestMs: number;
  /** A client that reads none of its pending bytes for this long is closed, ms. */
  stalledMs: number;
}

/**
 * Counts the connections of a server. Any client can open connections and send nothing: such a connection is pending
 * until `accept`, and the oldest pending one is closed for a new one, so a flood of silent connections cannot block a
 * client whose handshake takes milliseconds.
 */
export class ConnectionCounter {
  /** By the peer's address: the TLS socket of a connection is another object. */
  private readonly pending = new Map<string, Socket>();
  private open = 0;

  constructor(
    server: Server,
    private readonly limits: Pick<ConnectionLimits, 'max' | 'maxPending'>
  ) {
    server.on('connection', (socket: Socket) => this.opened(socket));
  }

  /** The client speaks the protocol, or has the token. */
  accept(socket: Socket): void {
    this.pending.delete(peerOf(socket));
  }

  get count(): number {
    return this.open;
  }

  private opened(socket: Socket): void {
    const peer = peerOf(socket);
    this.open += 1;
    this.pending.set(peer, socket);
    socket.once('close', () => {
      this.open -= 1;
      if (this.pending.get(peer) === socket) this.pending.delete(peer);
    });
    const { max, maxPending } = this.limits;
    if (this.open <= max && this.pending.size <= maxPending) return;
    // A map keeps the order of insertion: the first is the oldest. It may be this one.
    const [oldest] = this.pending.values();
    if (oldest) this.drop(oldest);
  }

  private drop(socket: Socket): void {
    this.pending.delete(peerOf(socket));
    socket.destroy();
  }
}

/** Identifies an open TCP connection. */
function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
