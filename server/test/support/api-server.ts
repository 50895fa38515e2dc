import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KubeConfig, type KubernetesObject } from '@kubernetes/client-node';

export interface Thing extends KubernetesObject {
  status?: { phase: string };
}

interface Change {
  version: number;
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  object: Thing;
}

/** What the next request gets instead of a response. */
export type Accident =
  | 'refuse' // 500
  | 'too-many' // 429 with Retry-After
  | 'gone' // 410 as the response
  | 'gone-inside' // 410 as an ERROR line
  | 'error-inside' // 500 as an ERROR line
  | 'cut-at-once' // the socket is destroyed before the response
  | 'cut-in-line' // the response is truncated in the middle of its last line
  | 'rubbish' // a line that is not JSON
  | 'end'; // a regular end, too early

/**
 * The part of the Kubernetes API that a list-watch uses, over real HTTP: pages, versions, a history of changes that can
 * be lost, bookmarks; and every failure that was observed or is documented.
 */
export class ApiServer {
  readonly requests: { watch: boolean; query: URLSearchParams; at: number }[] = [];
  /** Each is used by one request. */
  accidents: Accident[] = [];
  /** Objects per page, whatever the client requests. */
  pageSize = 2;
  private version = 100;
  private forgotten = 0;
  private readonly changes: Change[] = [];
  private readonly objects = new Map<string, Thing>();
  private readonly watches = new Set<ServerResponse>();
  private readonly server: Server;

  constructor() {
    this.server = createServer((request, response) => this.answer(request, response));
  }

  async open(): Promise<KubeConfig> {
    return listenAsApi(this.server, 'secret');
  }

  async close(): Promise<void> {
    this.cutWatches();
    this.server.closeAllConnections();
    await new Promise(resolve => this.server.close(resolve));
  }

  get openWatches(): number {
    return this.watches.size;
  }

  get lists(): number {
    return this.requests.filter(({ watch }) => !watch).length;
  }

  /** The current objects, as the client should have them. */
  get truth(): Map<string, string> {
    return new Map(
      [...this.objects].map(([uid, object]) => [uid, object.metadata!.resourceVersion!])
    );
  }

  put(uid: string, phase: string, name = uid): void {
    this.version += 1;
    const object: Thing = {
      metadata: { name, uid, resourceVersion: String(this.version) },
      status: { phase }
    };
    const type = this.objects.has(uid) ? 'MODIFIED' : 'ADDED';
    this.objects.set(uid, object);
    this.changed({ version: this.version, type, object });
  }

  delete(uid: string): void {
    const object = this.objects.get(uid);
    if (!object) return;
    this.version += 1;
    this.objects.delete(uid);
    const last = {
      ...object,
      metadata: { ...object.metadata, resourceVersion: String(this.version) }
    };
    this.changed({ version: this.version, type: 'DELETED', object: last });
  }

  bookmark(): void {
    this.version += 1;
    const object = { kind: 'Pod', metadata: { resourceVersion: String(this.version) } };
    for (const watch of this.watches) watch.write(line('BOOKMARK', object));
  }

  /** A watch from an older version has to list again. */
  forget(): void {
    this.forgotten = this.version;
  }

  cutWatches(): void {
    for (const watch of this.watches) watch.socket?.destroy();
    this.watches.clear();
  }

  endWatches(): void {
    for (const watch of this.watches) watch.end();
    this.watches.clear();
  }

  private changed(change: Change): void {
    this.changes.push(change);
    const accident = this.watches.size > 0 && this.accidents[0] === 'cut-in-line';
    const text = line(change.type, change.object);
    if (!accident) {
      for (const watch of this.watches) watch.write(text);
      return;
    }
    this.accidents.shift();
    for (const watch of this.watches) {
      watch.write(text.slice(0, Math.floor(text.length / 2)), () => watch.socket?.destroy());
    }
    this.watches.clear();
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const { searchParams: query } = new URL(request.url!, 'http://x');
    const watch = query.get('watch') === '1';
    this.requests.push({ watch, query, at: Date.now() });
    if (request.headers.authorization !== 'Bearer secret') return refuse(response, 401);
    const accident = this.accidents.shift();
    if (accident === 'refuse') return refuse(response, 500);
    if (accident === 'too-many') return refuse(response, 429, { 'Retry-After': '1' });
    if (accident === 'gone') return refuse(response, 410);
    if (accident === 'cut-at-once') return void request.socket.destroy();
    if (!watch) return this.list(query, response);
    const from = Number(query.get('resourceVersion'));
    if (from < this.forgotten) return this.watchEnds(response, errorLine(410));
    if (accident === 'gone-inside') return this.watchEnds(response, errorLine(410));
    if (accident === 'error-inside') return this.watchEnds(response, errorLine(500));
    if (accident === 'rubbish') return this.watchEnds(response, '{"type":"MODI\n');
    const missed = this.changes.filter(({ version }) => version > from);
    const text = missed.map(({ type, object }) => line(type, object)).join('');
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.flushHeaders();
    if (accident === 'cut-in-line') {
      response.write(text.slice(0, Math.max(0, text.length - 7)), () => request.socket.destroy());
      return;
    }
    response.write(text);
    if (accident === 'end') return void response.end();
    this.watches.add(response);
    response.on('close', () => this.watches.delete(response));
  }

  private watchEnds(response: ServerResponse, text: string): void {
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.end(text);
  }

  /** Pages of one version, without later changes. */
  private list(query: URLSearchParams, response: ServerResponse): void {
    const token = query.get('continue');
    const [version, start, uids] = token
      ? (JSON.parse(token) as [number, number, string[]])
      : [this.version, 0, [...this.objects.keys()]];
    if (version < this.forgotten) return refuse(response, 410);
    const items = uids.slice(start, start + this.pageSize).flatMap(uid => this.at(uid, version));
    const rest = start + this.pageSize < uids.length;
    const next = rest ? JSON.stringify([version, start + this.pageSize, uids]) : '';
    response.writeHead(200, { 'Content-Type': 'application/json' });
    const metadata = { resourceVersion: String(version), ...(next && { continue: next }) };
    response.end(JSON.stringify({ kind: 'PodList', metadata, items }));
  }

  private at(uid: string, version: number): Thing[] {
    const last = this.changes.findLast(
      one => one.object.metadata!.uid === uid && one.version <= version
    );
    return last && last.type !== 'DELETED' ? [last.object] : [];
  }
}

function line(type: string, object: object): string {
  return `${JSON.stringify({ type, object })}\n`;
}

function errorLine(code: number): string {
  const reason = code === 410 ? 'Expired' : 'InternalError';
  return line('ERROR', { kind: 'Status', code, reason, message: 'too old resource version' });
}

function refuse(
  response: ServerResponse,
  code: number,
  headers: Record<string, string> = {}
): void {
  response.writeHead(code, { 'Content-Type': 'application/json', ...headers });
  response.end(JSON.stringify({ kind: 'Status', code, message: `refused with ${code}` }));
}

/** Starts a stand-in for the API server, and returns a kubeconfig for it. */
export async function listenAsApi(server: Server, token: string): Promise<KubeConfig> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const config = new KubeConfig();
  config.loadFromClusterAndUser(
    { name: 'test', server: `http://127.0.0.1:${port}`, skipTLSVerify: true },
    { name: 'test', token }
  );
  return config;
}
