import { ListWatch } from '@aglais/server/kubernetes/list-watch';
import {
  CoordinationV1Api,
  CoreV1Api,
  V1MicroTime,
  type KubeConfig,
  type V1Pod
} from '@kubernetes/client-node';
import { pino } from 'pino';
import { SIMULATED, running } from './fake-pods.js';

const LEASES = 'kube-node-lease';
/** The interval at which a kubelet renews its lease, ms. */
const HEARTBEAT_MS = 10_000;
const CAPACITY = { cpu: '10000', memory: '16Ti', pods: '10000' };

/**
 * A node that exists only in the API server: the scheduler binds pods to it, and this class writes their statuses like
 * a kubelet. A taint keeps other pods away.
 */
export class FakeNode {
  private readonly core: CoreV1Api;
  private readonly leases: CoordinationV1Api;
  private readonly pods: ListWatch<V1Pod>;
  private readonly seen = new Set<string>();
  private heartbeat: NodeJS.Timeout | null = null;

  /** @param onRunning called when the status of a pod is Running */
  constructor(
    kubeConfig: KubeConfig,
    private readonly namespace: string,
    private readonly addressOf: (pod: V1Pod) => string,
    private readonly onRunning: (pod: V1Pod) => Promise<void>,
    private readonly onError: (error: unknown) => void
  ) {
    this.core = kubeConfig.makeApiClient(CoreV1Api);
    this.leases = kubeConfig.makeApiClient(CoordinationV1Api);
    this.pods = new ListWatch<V1Pod>({
      kubeConfig,
      path: `/api/v1/namespaces/${namespace}/pods`,
      fieldSelector: `spec.nodeName=${namespace}`,
      log: pino({ level: 'warn' }),
      onChange: pod => void this.handle(pod).catch(onError)
    });
  }

  async open(): Promise<void> {
    const { namespace: name } = this;
    await this.core.createNode({
      body: {
        metadata: { name, labels: { [SIMULATED]: name, 'kubernetes.io/hostname': name } },
        spec: { taints: [{ key: SIMULATED, effect: 'NoSchedule' }] }
      }
    });
    await this.leases.createNamespacedLease({
      namespace: LEASES,
      body: { metadata: { name }, spec: this.lease() }
    });
    const body = await this.core.readNode({ name });
    const now = new Date();
    const ready = {
      type: 'Ready',
      status: 'True',
      reason: 'Simulated',
      message: 'this node is simulated'
    };
    body.status = {
      capacity: CAPACITY,
      allocatable: CAPACITY,
      conditions: [{ ...ready, lastHeartbeatTime: now, lastTransitionTime: now }]
    };
    delete body.metadata!.resourceVersion;
    await this.core.replaceNodeStatus({ name, body });
    this.heartbeat = setInterval(() => void this.renew().catch(this.onError), HEARTBEAT_MS);
    await this.pods.open();
  }

  async close(): Promise<void> {
    if (this.heartbeat) clearInterval(this.heartbeat);
    await this.pods.close();
    await this.core.deleteNode({ name: this.namespace });
    await this.leases.deleteNamespacedLease({ namespace: LEASES, name: this.namespace });
  }

  async write(pod: V1Pod): Promise<V1Pod> {
    const name = pod.metadata!.name!;
    return this.core.replaceNamespacedPodStatus({ namespace: this.namespace, name, body: pod });
  }

  private async handle(pod: V1Pod): Promise<void> {
    const { name, uid, deletionTimestamp } = pod.metadata!;
    if (deletionTimestamp) {
      await this.core
        .deleteNamespacedPod({ namespace: this.namespace, name: name!, gracePeriodSeconds: 0 })
        .catch(() => undefined);
      return;
    }
    if (this.seen.has(uid!)) return;
    this.seen.add(uid!);
    // Read again: the client needs Dates, and the watch has strings.
    const present = await this.core.readNamespacedPod({ namespace: this.namespace, name: name! });
    await this.onRunning(await this.write(running(present, this.addressOf(pod))));
  }

  private lease() {
    const renewTime = new V1MicroTime();
    return { holderIdentity: this.namespace, leaseDurationSeconds: 40, renewTime };
  }

  private async renew(): Promise<void> {
    const { namespace: name } = this;
    const body = await this.leases.readNamespacedLease({ namespace: LEASES, name });
    await this.leases.replaceNamespacedLease({
      ...{ namespace: LEASES, name },
      body: { ...body, spec: this.lease() }
    });
  }
}
