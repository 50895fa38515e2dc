import { join } from 'node:path';
import type { CoreV1Event, V1Pod, V1Secret } from '@kubernetes/client-node';
import { KubernetesStandIn } from './kubernetes-stand-in.js';
import { executorOf, runningPod, terminatedPod } from './pod-statuses.js';
import { Recording } from './recording.js';
import { eventually } from './server.js';
import { PodDriver } from './simulated-pod-driver.js';

const CLUSTER = 'aglais.org/cluster';
const NODE_PATH = '/api/v1/nodes/n1';
/** What the one node has, far more than is asked for. */
const NODE = {
  metadata: { name: 'n1' },
  spec: {},
  status: {
    allocatable: { memory: '16Ti', cpu: '10000', pods: '10000' },
    conditions: [{ type: 'Ready', status: 'True' }]
  }
};

/**
 * Clusters as pods of a stand-in for Kubernetes: what kubelet, Spark and the drivers do. Each driver is a real witness at an
 * address of its own, which serves what a real driver wrote.
 */
export class SimulatedPods {
  readonly api = new KubernetesStandIn();
  readonly drivers = new Map<string, PodDriver>();
  private readonly ready = new Set<string>();
  private readonly recording = new Recording();
  private addresses = 0;

  /**
   * @param directory of the drivers, a folder for each
   * @param executors of each cluster
   * @param network addresses of drivers begin with it
   */
  constructor(
    private readonly directory: string,
    private readonly namespace: string,
    private readonly executors: readonly number[] = [1, 2],
    private readonly network = '127.67'
  ) {
    this.api.put(NODE_PATH, NODE);
    this.api.onPod = pod => void this.podChanged(pod);
  }

  /** The driver of a cluster, once it is ready. */
  driver(cluster: string): Promise<PodDriver> {
    return eventually('the driver', () =>
      this.ready.has(cluster) ? this.drivers.get(cluster) : null
    );
  }

  pod(name: string): V1Pod | undefined {
    return this.api.get<V1Pod>(`${this.pods}/${name}`);
  }

  /** Of clusters, what there is in Kubernetes. */
  leftovers(): string[] {
    return [...this.api.paths().filter(path => path !== NODE_PATH), ...this.drivers.keys()];
  }

  killDriver(cluster: string): void {
    this.put(terminatedPod(this.pod(`aglais-${cluster}`)!, 'driver'));
  }

  killExecutor(cluster: string, executor: number): void {
    const name = `aglais-${cluster}-exec-${executor}`;
    const alive = this.pod(name);
    if (!alive) return;
    const dead = terminatedPod(alive, 'spark-kubernetes-executor');
    // As Spark marks those whose end it has seen.
    const labels = { ...dead.metadata!.labels, 'spark-exec-inactive': 'true' };
    this.put({ ...dead, metadata: { ...dead.metadata, labels } });
    const event: Partial<CoreV1Event> = {
      ...{ metadata: { name, namespace: this.namespace }, reason: 'Killing', type: 'Normal' },
      ...{ involvedObject: { kind: 'Pod', ...alive.metadata }, message: 'Stopping', count: 1 }
    };
    const path = `/api/v1/namespaces/${this.namespace}/events/${name}`;
    this.api.put(path, event as CoreV1Event);
    // Kubernetes keeps Events for an hour; watchers have received it by now.
    this.api.delete(path);
  }

  /** Spark makes another one. */
  addExecutor(cluster: string, executor: number): void {
    this.put(executorOf(this.pod(`aglais-${cluster}`)!, executor));
  }

  async close(): Promise<void> {
    await Promise.all([...this.drivers.values()].map(driver => driver.end()));
    await this.api.close();
  }

  private get pods(): string {
    return `/api/v1/namespaces/${this.namespace}/pods`;
  }

  private put(pod: V1Pod): V1Pod {
    return this.api.put(`${this.pods}/${pod.metadata!.name}`, pod) as V1Pod;
  }

  private async podChanged(pod: V1Pod): Promise<void> {
    const labels = pod.metadata!.labels!;
    if (labels['aglais.org/role'] !== 'driver')
      return this.api.delete(`${this.pods}/${pod.metadata!.name}`);
    const cluster = labels[CLUSTER]!;
    if (pod.metadata!.deletionTimestamp) await this.end(cluster);
    else await this.begin(cluster, pod);
  }

  private async begin(cluster: string, pod: V1Pod): Promise<void> {
    const address = this.nextAddress();
    const secrets = `/api/v1/namespaces/${this.namespace}/secrets`;
    const secret = await eventually('its secret', () =>
      this.api.get<V1Secret>(`${secrets}/${pod.metadata!.name}`)
    );
    const driver = new PodDriver({
      directory: join(this.directory, cluster),
      address,
      application: pod.metadata!.labels!['spark-app-selector']!,
      secret: secret.stringData!,
      recording: this.recording
    });
    this.drivers.set(cluster, driver);
    await driver.open();
    const running = this.put(runningPod(pod, address));
    for (const executor of this.executors) this.put(executorOf(running, executor));
    await driver.ready();
    this.ready.add(cluster);
  }

  /** The witness outlives the driver, and executors go with it. */
  private async end(cluster: string): Promise<void> {
    const name = `aglais-${cluster}`;
    this.put(terminatedPod(this.pod(name)!, 'driver'));
    await this.drivers.get(cluster)?.end();
    this.drivers.delete(cluster);
    this.ready.delete(cluster);
    const executors = this.api.paths().filter(path => path.startsWith(`${this.pods}/${name}-exec`));
    for (const path of [...executors, `${this.pods}/${name}`]) this.api.delete(path);
  }

  /** On loopback, so that the server reaches the witness of each driver as if it were in its pod. */
  private nextAddress(): string {
    const index = this.addresses++;
    return `${this.network}.${1 + (Math.floor(index / 200) % 250)}.${1 + (index % 200)}`;
  }
}
