import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { KubeConfig, V1Pod } from '@kubernetes/client-node';
import { listenAsApi } from '../support/api-server.js';

interface PatchBody {
  metadata: { uid: string };
  spec: { containers: { name: string; resources: Record<string, Record<string, string>> }[] };
}

/** The effect of a new size on a kubelet, immediately. */
export type Kubelet = 'obeys' | 'is slow' | 'defers' | 'never will';

/** A pod in which JupyterHub runs a notebook: 1 GiB, of which half is requested. */
export function notebookPod(more: { name?: string; uid?: string; labels?: object } = {}): V1Pod {
  const { name = 'jupyter-ada', uid = `uid-of-${name}` } = more;
  const resources = {
    requests: { cpu: '500m', memory: '512Mi' },
    limits: { memory: '1Gi' }
  };
  return {
    metadata: {
      ...{ name, uid, namespace: 'hub', generation: 1 },
      labels: { component: 'singleuser-server', ...more.labels }
    },
    spec: { nodeName: 'n1', containers: [{ name: 'notebook', resources }] },
    status: {
      phase: 'Running',
      qosClass: 'Burstable',
      containerStatuses: [
        {
          name: 'notebook',
          ...{ image: 'i', imageID: 'i', ready: true, restartCount: 0 },
          resources,
          allocatedResources: { ...resources.requests }
        }
      ]
    }
  };
}

/** The part of the Kubernetes API that notebooks need, over real HTTP. */
export class KubernetesApi {
  readonly pods = new Map<string, V1Pod>();
  /** By token: the user according to the review. */
  readonly tokens = new Map<
    string,
    { namespace: string; name: string; uid: string; aud: string }
  >();
  readonly asked: string[] = [];
  readonly forbidden = new Set<string>();
  kubelet: Kubelet = 'obeys';
  nodeMemory = '8Gi';
  down = false;
  private readonly server: Server;

  constructor() {
    this.server = createServer((request, response) => void this.answer(request, response));
  }

  async open(): Promise<KubeConfig> {
    return listenAsApi(this.server, 'server');
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise(resolve => this.server.close(resolve));
  }

  /** An existing pod, and its token. */
  add(pod: V1Pod, aud = 'aglais'): string {
    const { namespace = '', name = '', uid = '' } = pod.metadata!;
    const token = `token-of-${name}-${uid}-${aud}`;
    this.pods.set(`${namespace}/${name}`, pod);
    this.tokens.set(token, { namespace, name, uid, aud });
    return token;
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    if (this.down) return void request.socket.destroy();
    const { pathname, searchParams } = new URL(request.url!, 'http://x');
    this.asked.push(`${request.method} ${pathname}`);
    const send = (code: number, body: object) => {
      response.writeHead(code, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    const refuse = (code: number, message: string) => send(code, { kind: 'Status', code, message });
    if (this.forbidden.has(pathname)) return refuse(403, `${pathname} is forbidden`);
    const body = text ? (JSON.parse(text) as unknown) : null;
    if (pathname.endsWith('/tokenreviews')) {
      return send(201, { status: this.review(body as { spec: never }) });
    }
    if (pathname === '/api/v1/nodes') {
      const name = searchParams.get('fieldSelector')!.replace('metadata.name=', '');
      const node = { metadata: { name }, status: { allocatable: { memory: this.nodeMemory } } };
      return send(200, { items: [node] });
    }
    if (pathname === '/api/v1/pods') return send(200, { items: [...this.pods.values()] });
    const [, , , , namespace, , name, resize] = pathname.split('/');
    const pod = this.pods.get(`${namespace}/${name}`);
    if (!pod) return refuse(404, `pods "${name}" not found`);
    if (request.method === 'PATCH' && resize === 'resize') {
      const patch = body as PatchBody;
      if (patch.metadata.uid !== pod.metadata!.uid) return refuse(409, 'Precondition failed: UID');
      this.resize(pod, patch);
    }
    send(200, pod);
  }

  private review({ spec }: { spec: { token: string; audiences: string[] } }): object {
    const known = this.tokens.get(spec.token);
    const audiences = spec.audiences.filter(one => one === known?.aud);
    if (!known || audiences.length === 0) return { authenticated: false, error: 'invalid' };
    const { namespace, name, uid } = known;
    const at = 'authentication.kubernetes.io/pod-';
    const extra = name ? { [`${at}name`]: [name], [`${at}uid`]: [uid] } : {};
    const username = `system:serviceaccount:${namespace}:default`;
    return { authenticated: true, audiences, user: { username, extra } };
  }

  private resize(pod: V1Pod, { spec }: PatchBody): void {
    const container = pod.spec!.containers[0]!;
    const status = pod.status!.containerStatuses![0]!;
    const { requests = {}, limits = {} } = spec.containers[0]!.resources;
    const resources = {
      requests: { ...container.resources!.requests, ...requests },
      limits: { ...container.resources!.limits, ...limits }
    };
    container.resources = resources;
    const generation = (pod.metadata!.generation ?? 0) + 1;
    pod.metadata!.generation = generation;
    const inForce = () => {
      status.resources = resources;
      status.allocatedResources = { ...resources.requests };
      pod.status!.conditions = [];
    };
    if (this.kubelet === 'is slow') setTimeout(inForce, 400);
    else if (this.kubelet === 'obeys' || limits['memory'] === status.resources?.limits?.['memory'])
      inForce();
    else {
      const reason = this.kubelet === 'defers' ? 'Deferred' : 'Infeasible';
      const message = 'Node didn’t have enough resource: memory';
      const base = { type: 'PodResizePending', status: 'True', observedGeneration: generation };
      pod.status!.conditions = [{ ...base, reason, message }];
    }
  }
}
