import { ListWatch } from '@aglais/server/kubernetes/list-watch';
import {
  CoordinationV1Api,
  CoreV1Api,
  V1MicroTime,
  type KubeConfig,
  type V1Pod
} from '@kubernetes/client-node';
import { pino } from 'pino';
import { PAPER, running } from './fake-pods.js';

const LEASES = 'kube-node-lease';
/** As often as a kubelet says that it lives, ms. */
const HEARTBEAT_MS = 10_000;
const ROOM = { cpu: '10000', memory: '16Ti', pods: '10000' };

/**
 * A node of which there is only what the API server knows: the scheduler gives it pods, and this writes their statuses, as
 * a kubelet would. Nobody else's pods come to it.
 */
export class PaperNode {
  private readonly core: CoreV1Api;
  private readonly leases: CoordinationV1Api;
  private readonly pods: ListWatch<V1Pod>;
  private readonly seen = new Set<string>();
  private heartbeat: NodeJS.Timeout | null = null;

  /** @param onRunning a pod has been given its status */
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
      onChange: pod => void this.take(pod).catch(onError)
    });
  }

  async open(): Promise<void> {
    const { namespace: name } = this;
    await this.core.createNode({
      body: {
        metadata: { name, labels: { [PAPER]: name, 'kubernetes.io/hostname': name } },
        spec: { taints: [{ key: PAPER, effect: 'NoSchedule' }] }
      }
    });
    await this.leases.createNamespacedLease({
      namespace: LEASES,
      body: { metadata: { name }, spec: this.lease() }
    });
    const body = await this.core.readNode({ name });
    const now = new Date();
    const ready = { type: 'Ready', status: 'True', reason: 'Paper', message: 'is patient' };
    body.status = {
      capacity: ROOM,
      allocatable: ROOM,
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

  private async take(pod: V1Pod): Promise<void> {
    const { name, uid, deletionTimestamp } = pod.metadata!;
    if (deletionTimestamp) {
      await this.core
        .deleteNamespacedPod({ namespace: this.namespace, name: name!, gracePeriodSeconds: 0 })
        .catch(() => undefined);
      return;
    }
    if (this.seen.has(uid!)) return;
    this.seen.add(uid!);
    // With dates in place of texts, as the client writes it.
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
