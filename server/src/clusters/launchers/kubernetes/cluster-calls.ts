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
import type { ClusterSpec } from '../launcher.js';
import { createOnce, deleteIfThere } from './api-calls.js';
import { configMap, networkPolicy, ownedBy, secret, service } from './cluster-objects.js';
import { driverPod } from './driver-pod.js';
import {
  CLUSTER_LABEL,
  installationLabels,
  objectName,
  selector,
  SHAPE_ANNOTATION,
  type ClusterSecrets
} from './names.js';
import type { KubernetesPolicy } from './policy.js';
import { memoryPatch } from './resize.js';
import { driverRights } from './rights.js';

/** Deleted objects are asked for again this often until they are gone, ms. */
const GONE_STEP_MS = 100;

/** What a launcher asks of the API server, call by call; each may be repeated. */
export class ClusterCalls {
  private readonly core: CoreV1Api;
  private readonly network: NetworkingV1Api;
  private readonly rights: RbacAuthorizationV1Api;

  constructor(
    config: KubeConfig,
    private readonly policy: KubernetesPolicy
  ) {
    this.core = config.makeApiClient(CoreV1Api);
    this.network = config.makeApiClient(NetworkingV1Api);
    this.rights = config.makeApiClient(RbacAuthorizationV1Api);
  }

  /** The namespace and the rights of its drivers, as far as they are missing. */
  async prepare(namespace: string): Promise<void> {
    const labels = installationLabels(this.policy);
    await createOnce(() =>
      this.core.createNamespace({ body: { metadata: { name: namespace, labels } } })
    );
    const { account, role, binding } = driverRights(this.policy, namespace);
    await createOnce(() => this.core.createNamespacedServiceAccount({ namespace, body: account }));
    await createOnce(() => this.rights.createNamespacedRole({ namespace, body: role }));
    await createOnce(() => this.rights.createNamespacedRoleBinding({ namespace, body: binding }));
  }

  /** The cluster's first object: the one that is there, or a new one. */
  async root(spec: ClusterSpec, namespace: string): Promise<V1ConfigMap> {
    const body = configMap(spec, this.policy, namespace);
    return (
      (await createOnce(() => this.core.createNamespacedConfigMap({ namespace, body }))) ??
      (await this.core.readNamespacedConfigMap({ namespace, name: objectName(spec.id) }))
    );
  }

  /** Everything else of a cluster; what is there stays as it is. */
  async rest(
    spec: ClusterSpec,
    namespace: string,
    root: V1ConfigMap,
    secrets: ClusterSecrets
  ): Promise<void> {
    const { policy } = this;
    const owner = ownedBy(root);
    await Promise.all([
      createOnce(() =>
        this.core.createNamespacedSecret({
          namespace,
          body: secret(spec, policy, namespace, owner, secrets)
        })
      ),
      createOnce(() =>
        this.core.createNamespacedService({
          namespace,
          body: service(spec, policy, namespace, owner)
        })
      ),
      createOnce(() =>
        this.network.createNamespacedNetworkPolicy({
          namespace,
          body: networkPolicy(spec, policy, namespace, owner)
        })
      ),
      createOnce(() =>
        this.core.createNamespacedPod({
          namespace,
          body: driverPod(spec, policy, namespace, owner)
        })
      )
    ]);
  }

  /** The cluster's pods as the API server has them in this moment; a watch may be behind. */
  async podsOf(id: string, namespace: string): Promise<V1Pod[]> {
    const labelSelector = selector({
      ...installationLabels(this.policy),
      [CLUSTER_LABEL]: id
    });
    return (await this.core.listNamespacedPod({ namespace, labelSelector })).items;
  }

  /** Asks for another memory limit of a running executor, in place. */
  async resizeMemory(namespace: string, name: string, memoryMiB: number): Promise<void> {
    await this.core.patchNamespacedPodResize(
      { namespace, name, body: memoryPatch(memoryMiB) },
      setHeaderOptions('Content-Type', PatchStrategy.StrategicMergePatch)
    );
  }

  /** Notes the shape that a cluster has from now on where all can read it. */
  async noteShape(id: string, namespace: string, shape: Shape): Promise<void> {
    const annotations = { [SHAPE_ANNOTATION]: JSON.stringify(shape) };
    await this.core.patchNamespacedPod(
      { namespace, name: objectName(id), body: { metadata: { annotations } } },
      setHeaderOptions('Content-Type', PatchStrategy.MergePatch)
    );
  }

  /**
   * Begins to delete a pod.
   * @param graceSeconds what its processes get to end; 0 does not even wait for the node
   */
  async deletePod(
    namespace: string,
    name: string,
    uid: string | undefined,
    graceSeconds?: number
  ): Promise<void> {
    const grace = graceSeconds === undefined ? {} : { gracePeriodSeconds: graceSeconds };
    await deleteIfThere(() =>
      this.core.deleteNamespacedPod({
        namespace,
        name,
        ...grace,
        // Another pod of the same name is none of our business.
        body: { ...grace, ...(uid !== undefined && { preconditions: { uid } }) }
      })
    );
  }

  /** Deletes all that is not a pod, and waits until it is gone. */
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
        while (await deleteIfThere(remove)) {
          if (Date.now() > deadline) throw new Error(`objects of ${at.name} do not go away`);
          await sleep(GONE_STEP_MS);
        }
      })
    );
  }
}
