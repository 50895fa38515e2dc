import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { KubeConfig, KubernetesObject } from '@kubernetes/client-node';
import { listenAsApi } from './api-server.js';
import { merged, RESIZE, resized, type Patch } from './kubernetes-patches.js';

/** Changes that a watch can go on from; who is further behind has to list. */
const REMEMBERED_CHANGES = 5_000;
const TOKEN = 'secret';

interface Change {
  version: number;
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  path: string;
  object: KubernetesObject;
}

interface Watch {
  list: string;
  selector: string | null;
  response: ServerResponse;
}

/** What the API server answers instead of doing what was asked. */
export interface Refusal {
  code: number;
  message: string;
  reason?: string;
}

export interface Call {
  method: string;
  path: string;
  body: Patch;
}

/**
 * Stands in for a Kubernetes API server, over real HTTP: objects of all kinds can be made, read, listed, watched, changed and
 * deleted. Nothing runs: tests write the statuses of pods. Calls can be refused.
 */
export class KubernetesStandIn {
  /** All that were made and no reads, in their order. */
  readonly calls: Call[] = [];
  /** Asked before each call that would change something. */
  refuse: (call: Call) => Refusal | null = () => null;
  /** A pod was created, or its deletion was requested; without a listener it is deleted immediately. */
  onPod: ((pod: KubernetesObject) => void) | null = null;
  private readonly objects = new Map<string, KubernetesObject>();
  private readonly changes: Change[] = [];
  private readonly watches = new Set<Watch>();
  private version = 1;
  private readonly server: Server;

  constructor() {
    this.server = createServer((request, response) => {
      this.answer(request, response).catch((error: unknown) =>
        send(response, 500, status(500, String(error)))
      );
    });
  }

  open(): Promise<KubeConfig> {
    return listenAsApi(this.server, TOKEN);
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise(resolve => this.server.close(resolve));
  }

  /** Of all objects that there are. */
  paths(): string[] {
    return [...this.objects.keys()];
  }

  get<T extends KubernetesObject>(path: string): T | undefined {
    return this.objects.get(path) as T | undefined;
  }

  /** Makes or replaces an object; `path` is that of the object itself. */
  put(path: string, object: KubernetesObject): KubernetesObject {
    this.version += 1;
    const known = this.objects.get(path);
    const metadata = {
      uid: randomUUID(),
      creationTimestamp: new Date().toISOString() as unknown as Date,
      ...known?.metadata,
      ...object.metadata,
      resourceVersion: String(this.version)
    };
    const whole = { ...object, metadata };
    this.objects.set(path, whole);
    this.changed(known ? 'MODIFIED' : 'ADDED', path, whole);
    return whole;
  }

  delete(path: string): void {
    const object = this.objects.get(path);
    if (!object) return;
    this.version += 1;
    this.objects.delete(path);
    const metadata = { ...object.metadata, resourceVersion: String(this.version) };
    this.changed('DELETED', path, { ...object, metadata });
  }

  private changed(type: Change['type'], path: string, object: KubernetesObject): void {
    const change = { version: this.version, type, path, object };
    this.changes.push(change);
    if (this.changes.length > 2 * REMEMBERED_CHANGES) this.changes.splice(0, REMEMBERED_CHANGES);
    for (const watch of this.watches)
      if (isSeenBy(watch, change)) watch.response.write(line(change));
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname: path, searchParams: query } = new URL(request.url!, 'http://x');
    const method = request.method!;
    if (request.headers.authorization !== `Bearer ${TOKEN}`)
      return send(response, 401, status(401, 'Unauthorized'));
    let text = '';
    for await (const chunk of request) text += String(chunk);
    if (method === 'GET') return this.read(path, query, response);
    const call = { method, path, body: text === '' ? {} : (JSON.parse(text) as Patch) };
    this.calls.push(call);
    const refused = this.refuse(call);
    if (refused) return send(response, refused.code, { ...status(refused.code, ''), ...refused });
    if (method === 'POST') return this.create(call, response);
    const of = path.replace(RESIZE, '');
    const known = this.objects.get(of);
    if (!known) return send(response, 404, status(404, `${of} not found`, 'NotFound'));
    if (method === 'DELETE') return this.remove(of, known, response);
    const changed = of === path ? merged(known, call.body) : resized(known, call.body);
    send(response, 200, this.put(of, changed));
  }

  private create({ path, body }: Call, response: ServerResponse): void {
    const made = body as KubernetesObject;
    const at = `${path}/${made.metadata!.name}`;
    if (this.objects.has(at))
      return send(response, 409, status(409, `${at} already exists`, 'AlreadyExists'));
    const object = this.put(at, made);
    send(response, 201, object);
    if (path.endsWith('/pods')) this.onPod?.(object);
  }

  private remove(path: string, known: KubernetesObject, response: ServerResponse): void {
    send(response, 200, known);
    if (!path.includes('/pods/') || !this.onPod) return this.delete(path);
    if (known.metadata?.deletionTimestamp) return;
    const deletionTimestamp = new Date().toISOString() as unknown as Date;
    this.onPod(this.put(path, { ...known, metadata: { ...known.metadata, deletionTimestamp } }));
  }

  private read(path: string, query: URLSearchParams, response: ServerResponse): void {
    const one = this.objects.get(path);
    if (one) return send(response, 200, one);
    if (/\/(pods|configmaps|secrets|services)\/[^/]+$/.test(path))
      return send(response, 404, status(404, `${path} not found`, 'NotFound'));
    const selector = query.get('labelSelector');
    if (query.get('watch') === '1') return this.watch(path, selector, query, response);
    const items = [...this.objects]
      .filter(([at, object]) => isSeenBy({ list: path, selector }, { path: at, object }))
      .map(([, object]) => object);
    send(response, 200, { metadata: { resourceVersion: String(this.version) }, items });
  }

  private watch(
    list: string,
    selector: string | null,
    query: URLSearchParams,
    response: ServerResponse
  ): void {
    const from = Number(query.get('resourceVersion'));
    const oldest = this.changes[0]?.version ?? 0;
    if (from < oldest - 1 && oldest > 2) return send(response, 410, status(410, 'too old'));
    const watch = { list, selector, response };
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.flushHeaders();
    const missed = this.changes.filter(one => one.version > from && isSeenBy(watch, one));
    for (const change of missed) response.write(line(change));
    this.watches.add(watch);
    const seconds = Number(query.get('timeoutSeconds') ?? 300);
    const timer = setTimeout(() => response.end(), seconds * 1_000);
    response.on('close', () => {
      clearTimeout(timer);
      this.watches.delete(watch);
    });
  }
}

/** Whether an object is in a list: that of its namespace, or that of all namespaces. */
function isSeenBy(
  { list, selector }: Pick<Watch, 'list' | 'selector'>,
  { path, object }: Pick<Change, 'path' | 'object'>
): boolean {
  const its = path.slice(0, path.lastIndexOf('/'));
  if (its !== list && its.replace(/\/namespaces\/[^/]+/, '') !== list) return false;
  const labels = object.metadata?.labels ?? {};
  return (selector ?? '')
    .split(',')
    .filter(Boolean)
    .every(one => labels[one.split('=')[0]!] === one.split('=')[1]);
}

function line({ type, object }: Change): string {
  return `${JSON.stringify({ type, object })}\n`;
}

function status(code: number, message: string, reason = ''): object {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, message, reason };
}

function send(response: ServerResponse, code: number, body: object): void {
  response.writeHead(code, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(body));
}
