import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { KubeConfig, KubernetesObject } from '@kubernetes/client-node';
import { listenAsApi } from './api-server.js';

/** Lists of objects, with pages and watches, like an API server; permissions can be removed. */
export class KubernetesLists {
  readonly requests: { path: string; query: URLSearchParams }[] = [];
  /** `list nodes`, `watch pods`, … */
  readonly forbidden = new Set<string>();
  /** Does not respond from now on. */
  silent = false;
  private readonly lists = new Map<string, KubernetesObject[]>();
  private readonly watches = new Map<string, Set<ServerResponse>>();
  private version = 1;
  private readonly server: Server;

  constructor() {
    this.server = createServer((request, response) => this.answer(request, response));
  }

  open(): Promise<KubeConfig> {
    return listenAsApi(this.server, 'x');
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise(resolve => this.server.close(resolve));
  }

  add<T extends KubernetesObject>(path: string, object: T): void {
    this.version += 1;
    const metadata = { ...object.metadata, resourceVersion: String(this.version) };
    const whole = { ...object, metadata: { uid: `${path} ${metadata.name}`, ...metadata } };
    this.lists.set(path, [...(this.lists.get(path) ?? []), whole]);
    for (const watch of this.watches.get(path) ?? [])
      watch.write(`${JSON.stringify({ type: 'ADDED', object: whole })}\n`);
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname: path, searchParams: query } = new URL(request.url!, 'http://x');
    this.requests.push({ path, query });
    if (this.silent) return;
    const verb = query.get('watch') === '1' ? 'watch' : 'list';
    const kind = path.split('/').at(-1)!;
    const send = (code: number, body: object) => {
      response.writeHead(code, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    if (this.forbidden.has(`${verb} ${kind}`)) {
      const message = `${kind} is forbidden: User "x" cannot ${verb} resource "${kind}"`;
      return send(403, { kind: 'Status', code: 403, reason: 'Forbidden', message });
    }
    if (verb === 'watch') {
      response.writeHead(200, { 'Content-Type': 'application/json' });
      response.flushHeaders();
      const watches = this.watches.get(path) ?? new Set();
      this.watches.set(path, watches.add(response));
      response.on('close', () => watches.delete(response));
      return;
    }
    const all = this.lists.get(path) ?? [];
    const start = Number(query.get('continue') ?? 0);
    const end = start + Number(query.get('limit') ?? all.length);
    const next = end < all.length ? { continue: String(end) } : {};
    const metadata = { resourceVersion: String(this.version), ...next };
    send(200, { metadata, items: all.slice(start, end) });
  }
}
