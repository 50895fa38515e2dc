import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { request, type RequestOptions } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';

/** A write to which the API server has responded. */
export interface Write {
  method: string;
  path: string;
  status: number;
}

const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'transfer-encoding', 'host']);

/**
 * A proxy between the server and the API server, with the permissions of an administrator, that can simulate a bad
 * network. It sees each write after the API server has completed it and before the server gets the response.
 */
export class ApiProxy {
  /** By cluster: UIDs of the driver pods that were created through it. */
  readonly drivers = new Map<string, Set<string>>();
  /** Number of broken connections. */
  broken = 0;
  /** Called before the response to a write is returned. */
  onWrite: (write: Write) => void = () => undefined;
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;
  private readonly origin: URL;
  private port = 0;
  private silent = false;

  private constructor(private readonly admin: KubeConfig) {
    this.origin = new URL(admin.getCurrentCluster()!.server);
    this.server = createServer((incoming, outgoing) => {
      this.pass(incoming, outgoing).catch(() => outgoing.destroy());
    });
    this.server.on('connection', socket => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
      if (this.silent) socket.pause();
    });
  }

  static async open(admin: KubeConfig): Promise<ApiProxy> {
    const proxy = new ApiProxy(admin);
    await proxy.listen();
    return proxy;
  }

  /** For the server; it needs no permissions of its own. */
  kubeconfig(): object {
    return {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'chaos',
      contexts: [{ name: 'chaos', context: { cluster: 'chaos', user: 'chaos' } }],
      clusters: [
        {
          name: 'chaos',
          cluster: {
            server: `http://127.0.0.1:${this.port}`,
            'insecure-skip-tls-verify': true
          }
        }
      ],
      users: [{ name: 'chaos', user: {} }]
    };
  }

  /** Breaks every open connection; new ones are accepted immediately. */
  cut(): void {
    this.broken += this.sockets.size;
    for (const socket of this.sockets) socket.destroy();
  }

  /** Breaks every connection and refuses others, until `back`. */
  async leave(): Promise<void> {
    const closed = new Promise(resolve => this.server.close(resolve));
    this.cut();
    await closed;
  }

  async back(): Promise<void> {
    await this.listen();
  }

  /** Silently forwards nothing until `speak`; then every connection breaks. */
  hush(): void {
    this.silent = true;
    for (const socket of this.sockets) socket.pause();
  }

  speak(): void {
    this.silent = false;
    this.cut();
  }

  async close(): Promise<void> {
    if (this.server.listening) await this.leave();
  }

  private async listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(this.port, '127.0.0.1', resolve);
    });
    this.port = (this.server.address() as AddressInfo).port;
  }

  private async pass(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const options: RequestOptions = {
      method: incoming.method,
      path: incoming.url,
      headers: Object.fromEntries(
        Object.entries(incoming.headers).filter(([name]) => !HOP_BY_HOP.has(name))
      )
    };
    await this.admin.applyToHTTPSOptions(options);
    // An agent would keep connections that a restarted API server no longer knows.
    options.agent = false;
    const onward = request(this.origin, options);
    const isWatch = incoming.method === 'GET';
    onward.once('response', answer => {
      const end = isWatch
        ? Promise.resolve(this.stream(answer, outgoing))
        : this.answer(incoming, answer, outgoing);
      end.catch(() => outgoing.destroy());
    });
    onward.once('error', () => outgoing.destroy());
    outgoing.once('close', () => onward.destroy());
    incoming.pipe(onward);
  }

  private stream(answer: IncomingMessage, outgoing: ServerResponse): void {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    outgoing.flushHeaders();
    answer.on('data', (chunk: Buffer) => {
      if (!this.silent) outgoing.write(chunk);
    });
    answer.once('end', () => outgoing.end());
    answer.once('error', () => outgoing.destroy());
  }

  private async answer(
    { method = '', url = '' }: IncomingMessage,
    answer: IncomingMessage,
    outgoing: ServerResponse
  ): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of answer) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const status = answer.statusCode ?? 502;
    if (method === 'POST' && status === 201 && /\/pods(\?|$)/.test(url)) this.note(body);
    this.onWrite({ method, path: url, status });
    if (this.silent) return;
    const headers = { ...answer.headers };
    delete headers['transfer-encoding'];
    outgoing.writeHead(status, headers).end(body);
  }

  private note(body: Buffer): void {
    const { metadata } = JSON.parse(body.toString()) as {
      metadata: { uid: string; labels: Record<string, string> };
    };
    const cluster = metadata.labels['aglais.org/cluster']!;
    this.drivers.set(cluster, (this.drivers.get(cluster) ?? new Set()).add(metadata.uid));
  }
}
