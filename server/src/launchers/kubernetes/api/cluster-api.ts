import { setTimeout as sleep } from 'node:timers/promises';
import {
  CoreV1Api,
  NetworkingV1Api,
  PatchStrategy,
  RbacAuthorizationV1Api,
  setHeaderOptions,
  type KubeConfig,
  type V1ConfigMap,
  type V1Pod
} from '@kubernetes/client-node';
import type { Shape } from '@aglais/protocol';
import type { ClusterSpec } from '../../launcher.js';
import { apiClient } from './api-client.js';
import { createIfAbsent, deleteIfExists } from './api-errors.js';
import { configMap, ownedBy, secret, service } from '../objects/cluster-objects.js';
import { networkPolicy } from '../objects/network-policy.js';
import { driverPod } from '../objects/driver-pod.js';
import {
  CLUSTER_LABEL,
  installationLabels,
  installationSelector,
  objectName,
  SHAPE_ANNOTATION,
  type ClusterSecrets
} from '../objects/names.js';
import type { KubernetesConfig } from '../kubernetes-config.js';
import { memoryPatch } from '../resize/memory-limit.js';
import type { Ownership } from './ownership.js';
import { driverRights } from '../objects/rbac.js';

/** Poll interval for deleted objects until they are gone, ms. */
const GONE_STEP_MS = 100;

/** The calls of the launcher to the API server; each may be repeated. */
export class ClusterApi {
  private readonly core: CoreV1Api;
  private readonly network: NetworkingV1Api;
  private readonly rights: RbacAuthorizationV1Api;

  constructor(
    kubeConfig: KubeConfig,
    private readonly config: KubernetesConfig,
    private readonly owns: Ownership = () => true
  ) {
    this.core = apiClient(kubeConfig, CoreV1Api);
    this.network = apiClient(kubeConfig, NetworkingV1Api);
    this.rights = apiClient(kubeConfig, RbacAuthorizationV1Api);
  }

  /** Creates the namespace and the RBAC objects of its drivers, where they are missing. */
  async prepare(namespace: string): Promise<void> {
    const labels = installationLabels(this.config);
    await createIfAbsent(() =>
      this.core.createNamespace({ body: { metadata: { name: namespace, labels } } })
    );
    const { account, role, binding } = driverRights(this.config, namespace);
    await createIfAbsent(() =>
      this.core.createNamespacedServiceAccount({ namespace, body: account })
    );
    await createIfAbsent(() => this.rights.createNamespacedRole({ namespace, body: role }));
    await createIfAbsent(() =>
      this.rights.createNamespacedRoleBinding({ namespace, body: binding })
    );
  }

  /** The first object of the cluster: the existing one, or a new one. */
  async root(spec: ClusterSpec, namespace: string): Promise<V1ConfigMap> {
    const body = configMap(spec, this.config, namespace);
    return (
      (await createIfAbsent(() => this.core.createNamespacedConfigMap({ namespace, body }))) ??
      (await this.core.readNamespacedConfigMap({ namespace, name: objectName(spec.id) }))
    );
  }

  /** Creates everything else of a cluster; existing objects stay as they are. */
  async rest(
    spec: ClusterSpec,
    namespace: string,
    root: V1ConfigMap,
    secrets: ClusterSecrets
  ): Promise<void> {
    const { config } = this;
    const owner = ownedBy(root);
    await Promise.all([
      createIfAbsent(() =>
        this.core.createNamespacedSecret({
          namespace,
          body: secret(spec, config, namespace, owner, secrets)
        })
      ),
      createIfAbsent(() =>
        this.core.createNamespacedService({
          namespace,
          body: service(spec, config, namespace, owner)
        })
      ),
      createIfAbsent(() =>
        this.network.createNamespacedNetworkPolicy({
          namespace,
          body: networkPolicy(spec, config, namespace, owner)
        })
      ),
      createIfAbsent(() =>
        this.core.createNamespacedPod({
          namespace,
          body: driverPod(spec, config, namespace, owner)
        })
      )
    ]);
  }

  /** The cluster's pods as the API server has them now; a watch may be behind. */
  async podsOf(id: string, namespace: string): Promise<V1Pod[]> {
    const labelSelector = installationSelector(this.config, { [CLUSTER_LABEL]: id });
    const { items } = await this.core.listNamespacedPod({ namespace, labelSelector });
    return items.filter(this.owns);
  }

  /** Requests another memory limit of a running executor, in place. */
  async resizeMemory(namespace: string, name: string, memoryMiB: number): Promise<void> {
    await this.core.patchNamespacedPodResize(
      { namespace, name, body: memoryPatch(memoryMiB) },
      setHeaderOptions('Content-Type', PatchStrategy.StrategicMergePatch)
    );
  }

  /** Saves the shape that a cluster has from now on in an annotation. */
  async noteShape(id: string, namespace: string, shape: Shape): Promise<void> {
    const annotations = { [SHAPE_ANNOTATION]: JSON.stringify(shape) };
    await this.core.patchNamespacedPod(
      { namespace, name: objectName(id), body: { metadata: { annotations } } },
      setHeaderOptions('Content-Type', PatchStrategy.MergePatch)
    );
  }

  /**
   * Starts the deletion of a pod.
   * @param graceSeconds grace period of its processes; 0 does not even wait for the node
   */
  async deletePod(
    namespace: string,
    name: string,
    uid: string | undefined,
    graceSeconds?: number
  ): Promise<void> {
    const grace = graceSeconds === undefined ? {} : { gracePeriodSeconds: graceSeconds };
    await deleteIfExists(() =>
      this.core.deleteNamespacedPod({
        namespace,
        name,
        ...grace,
        // Another pod with the same name is left alone.
        body: { ...grace, ...(uid !== undefined && { preconditions: { uid } }) }
      })
    );
  }

  /** Deletes everything except pods, and waits until it is gone. */
  async deleteObjects(id: string, namespace: string, withinMs: number): Promise<void> {
    const at = { namespace, name: objectName(id) };
    const kinds = [
      () => this.core.deleteNamespacedSecret(at),
      () => this.core.deleteNamespacedService(at),
      () => this.network.deleteNamespacedNetworkPolicy(at),
      () => this.core.deleteNamespacedConfigMap(at)
    ];
    const deadline = Date.now() + withinMs;
    await Promise.all(
      kinds.map(async remove => {
        while (await deleteIfExists(remove)) {
          if (Date.now() > deadline) throw new Error(`objects of ${at.name} do not go away`);
          await sleep(GONE_STEP_MS);
        }
      })
    );
  }
}
