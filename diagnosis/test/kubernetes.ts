/** Pods and events as Kubernetes writes them, reduced to the fields that are read. */

export interface PodOptions {
  name?: string;
  executor?: string;
  role?: 'driver' | 'executor' | null;
  application?: string;
  labels?: Record<string, string>;
  version?: number;
  node?: string | null;
  limit?: string;
  /** Container state: `{terminated: {…}}`, `{waiting: {…}}`, `{running: {…}}`. */
  state?: object | null;
  lastState?: object;
  conditions?: object[];
  reason?: string;
  message?: string;
  deletion?: { timestamp: string; grace: number };
}

export const APPLICATION = 'app-1';

export function pod(options: PodOptions = {}): object {
  const { executor = '1', role = 'executor', application = APPLICATION, limit = '812Mi' } = options;
  const name = options.name ?? (role === 'driver' ? 'app-driver' : `app-exec-${executor}`);
  const container = role === 'driver' ? 'spark-kubernetes-driver' : 'spark-kubernetes-executor';
  const spark = {
    'spark-role': role,
    'spark-app-selector': application,
    ...(role === 'executor' && { 'spark-exec-id': executor })
  };
  const { state = { running: { startedAt: '2026-11-20T23:35:20Z' } } } = options;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      uid: `uid-${name}`,
      resourceVersion: String(options.version ?? 1),
      labels: role === null ? (options.labels ?? {}) : { ...spark, ...options.labels },
      ...(options.deletion && {
        deletionTimestamp: options.deletion.timestamp,
        deletionGracePeriodSeconds: options.deletion.grace
      })
    },
    spec: {
      ...(options.node !== null && { nodeName: options.node ?? 'node-1' }),
      containers: [
        { name: container, resources: { limits: { memory: limit }, requests: { memory: limit } } }
      ]
    },
    status: {
      phase: 'Running',
      ...(options.reason !== undefined && { reason: options.reason }),
      ...(options.message !== undefined && { message: options.message }),
      conditions: options.conditions ?? [],
      containerStatuses:
        state === null ? [] : [{ name: container, state, lastState: options.lastState ?? {} }]
    }
  };
}

export function terminated(exitCode: number, reason: string, finishedAt: string): object {
  return { terminated: { exitCode, reason, finishedAt, startedAt: '2026-11-20T23:35:20Z' } };
}

export function event(reason: string, message: string, name = 'app-exec-1', at?: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: `${name}.18e9e4d9`, namespace: 'spark' },
    involvedObject: { kind: 'Pod', name, namespace: 'spark', uid: `uid-${name}` },
    reason,
    message,
    count: 1,
    lastTimestamp: at ?? '2026-11-20T23:35:30Z',
    type: 'Warning'
  };
}

export const UNSCHEDULABLE = {
  type: 'PodScheduled',
  status: 'False',
  reason: 'Unschedulable',
  message:
    '0/5 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, ' +
    '4 Insufficient memory. preemption: 0/5 nodes are available: 1 Preemption is not helpful for ' +
    'scheduling, 4 No preemption victims found for incoming pod.',
  lastTransitionTime: '2026-11-20T23:35:20Z'
};

export function text(...objects: object[]): string {
  return objects.map(one => JSON.stringify(one, null, 4)).join('\n');
}
