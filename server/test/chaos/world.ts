import { readdirSync, readFileSync } from 'node:fs';
import {
  CoreV1Api,
  NetworkingV1Api,
  type KubeConfig,
  type KubernetesObject,
  type V1Pod
} from '@kubernetes/client-node';
import { execute } from '../kubernetes/testbed-setting.js';

const CLUSTER_LABEL = 'aglais.org/cluster';
const ROLE_LABEL = 'aglais.org/role';

/** The state of the namespace, as an administrator sees it, and the ways to break it. */
export class World {
  private readonly core: CoreV1Api;
  private readonly network: NetworkingV1Api;

  constructor(
    private readonly admin: KubeConfig,
    readonly namespace: string
  ) {
    this.core = admin.makeApiClient(CoreV1Api);
    this.network = admin.makeApiClient(NetworkingV1Api);
  }

  async make(): Promise<void> {
    await this.core.createNamespace({ body: { metadata: { name: this.namespace } } });
  }

  async remove(): Promise<void> {
    await this.core.deleteNamespace({ name: this.namespace });
  }

  /** Everything that belongs to a cluster, as `kind name` with the cluster. */
  async objects(): Promise<{ what: string; cluster: string }[]> {
    const { namespace } = this;
    const all = { namespace, labelSelector: CLUSTER_LABEL };
    const kinds: [string, Promise<{ items: KubernetesObject[] }>][] = [
      ['pod', this.core.listNamespacedPod(all)],
      ['service', this.core.listNamespacedService(all)],
      ['secret', this.core.listNamespacedSecret(all)],
      ['config map', this.core.listNamespacedConfigMap(all)],
      ['network policy', this.network.listNamespacedNetworkPolicy(all)]
    ];
    const found = await Promise.all(
      kinds.map(async ([kind, list]) =>
        (await list).items.map(({ metadata }) => ({
          what: `${kind} ${metadata!.name}`,
          cluster: metadata!.labels![CLUSTER_LABEL]!
        }))
      )
    );
    return found.flat();
  }

  async pods(cluster: string, role: 'driver' | 'executor'): Promise<V1Pod[]> {
    const labelSelector = `${CLUSTER_LABEL}=${cluster},${ROLE_LABEL}=${role}`;
    return (await this.core.listNamespacedPod({ namespace: this.namespace, labelSelector })).items;
  }

  /** Executors whose JVM is running. */
  async liveExecutors(cluster: string): Promise<V1Pod[]> {
    return (await this.pods(cluster, 'executor')).filter(
      ({ metadata, status }) => status?.phase === 'Running' && !metadata?.deletionTimestamp
    );
  }

  async deletePod(pod: V1Pod): Promise<void> {
    await this.core.deleteNamespacedPod({
      namespace: this.namespace,
      name: pod.metadata!.name!,
      body: { preconditions: { uid: pod.metadata!.uid! } }
    });
  }

  /** `kill -9` of the JVM in a pod. */
  async killJava(pod: V1Pod, container: string): Promise<void> {
    const kill = ['sh', '-c', 'kill -9 $(pidof java)'];
    await execute(this.admin, this.namespace, pod.metadata!.name!, container, kill);
  }

  /**
   * `kill -9` of the witness process, which `witness.sh`, the first process of its container, then restarts. Only if
   * its node is this machine; false if it is not found.
   */
  killWitness(driver: V1Pod): boolean {
    const uid = driver.metadata!.uid!;
    for (const pid of readdirSync('/proc').filter(name => /^\d+$/.test(name))) {
      try {
        if (!readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('witness.js')) continue;
        if (!readFileSync(`/proc/${pid}/cgroup`, 'utf8').replaceAll('_', '-').includes(uid))
          continue;
        process.kill(Number(pid), 'SIGKILL');
        return true;
      } catch {
        // It ended meanwhile.
      }
    }
    return false;
  }
}

/** Spark's id of an executor. */
export const executorId = ({ metadata }: V1Pod): string => metadata!.labels!['spark-exec-id']!;
