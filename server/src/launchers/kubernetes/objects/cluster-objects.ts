import type {
  V1ConfigMap,
  V1NetworkPolicy,
  V1NetworkPolicyEgressRule,
  V1NetworkPolicyIngressRule,
  V1ObjectMeta,
  V1OwnerReference,
  V1Secret,
  V1Service
} from '@kubernetes/client-node';
import { stringify } from 'yaml';
import type { ClusterSpec } from '../../launcher.js';
import { driverArgumentFile, driverProperties, propertiesFile } from './driver-properties.js';
import { executorTemplate } from './executor-template.js';
import {
  CLUSTER_LABEL,
  clusterLabels,
  objectName,
  PORTS,
  ROLE_LABEL,
  SHAPE_ANNOTATION,
  type ClusterSecrets
} from './names.js';
import type { KubernetesConfig } from '../kubernetes-config.js';

/** Kubernetes limits the size of an object (etcd: 1.5 MiB; ConfigMaps: 1 MiB). */
const CONFIG_MAP_BYTES = 1_000_000;

/** What the cluster's ConfigMap owns is deleted with it, whoever deletes it. */
export function ownedBy(root: V1ConfigMap): V1OwnerReference {
  const { name, uid } = root.metadata!;
  return { apiVersion: 'v1', kind: 'ConfigMap', name: name!, uid: uid! };
}

function metadata(
  spec: ClusterSpec,
  config: KubernetesConfig,
  namespace: string,
  owner?: V1OwnerReference
): V1ObjectMeta {
  return {
    name: objectName(spec.id),
    namespace,
    labels: clusterLabels(config, spec.id),
    annotations: { ...config.annotations, [SHAPE_ANNOTATION]: JSON.stringify(spec.shape) },
    ...(owner && { ownerReferences: [owner] })
  };
}

/**
 * The driver's configuration, without secrets. The first object of a cluster and the owner of all others: where it
 * exists, the cluster does.
 * @throws if the catalogue is larger than one object can hold
 */
export function configMap(
  spec: ClusterSpec,
  config: KubernetesConfig,
  namespace: string
): V1ConfigMap {
  const properties = driverProperties(spec, config, namespace);
  const data = {
    'driver.args': driverArgumentFile(spec, properties),
    'spark.properties': propertiesFile(properties),
    'catalogue.sql': spec.catalogue.map(sql => `${sql}\n`).join(''),
    'executor-template.yaml': stringify(executorTemplate(spec, config))
  };
  const bytes = Object.values(data).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  if (bytes > CONFIG_MAP_BYTES) {
    throw new Error(
      `The statements for the tables of all shares take ${bytes} bytes, and Kubernetes holds ${CONFIG_MAP_BYTES}. ` +
        'Leave the columns out of some declarations (Spark then finds them in the files), or declare fewer shares.'
    );
  }
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: metadata(spec, config, namespace),
    immutable: true,
    data
  };
}

export function secret(
  spec: ClusterSpec,
  config: KubernetesConfig,
  namespace: string,
  owner: V1OwnerReference,
  secrets: ClusterSecrets
): V1Secret {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: metadata(spec, config, namespace, owner),
    immutable: true,
    type: 'Opaque',
    stringData: secrets
  };
}

/** A stable name for the driver; also before it is ready, because its executors connect first. */
export function service(
  spec: ClusterSpec,
  config: KubernetesConfig,
  namespace: string,
  owner: V1OwnerReference
): V1Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: metadata(spec, config, namespace, owner),
    spec: {
      clusterIP: 'None',
      publishNotReadyAddresses: true,
      selector: { [CLUSTER_LABEL]: spec.id, [ROLE_LABEL]: 'driver' },
      ports: [
        { name: 'connect', port: PORTS.connect },
        { name: 'witness', port: PORTS.witness }
      ]
    }
  };
}

/**
 * Who may connect to the pods: the pods to each other; kernels to Spark Connect; the server to the witness. The pods
 * may connect to everything except the blocked addresses: they need DNS, the API server and the stores of the shares,
 * which differ between installations.
 */
export function networkPolicy(
  spec: ClusterSpec,
  config: KubernetesConfig,
  namespace: string,
  owner: V1OwnerReference
): V1NetworkPolicy {
  const own = { matchLabels: { [CLUSTER_LABEL]: spec.id } };
  const open = (port: number, from?: object[]): V1NetworkPolicyIngressRule => ({
    ports: [{ protocol: 'TCP', port }],
    // A rule without `from` allows all sources; so would one with an empty list.
    ...(from && from.length > 0 && { _from: from })
  });
  const egress = egressRules(config);
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: metadata(spec, config, namespace, owner),
    spec: {
      podSelector: own,
      policyTypes: ['Ingress', ...(egress ? ['Egress'] : [])],
      ingress: [
        { _from: [{ podSelector: own }] },
        open(PORTS.connect, config.network.kernels),
        open(PORTS.witness, config.network.server)
      ],
      ...(egress && { egress })
    }
  };
}

/** Everything except the blocked addresses; null if none is blocked. */
function egressRules({
  network: { blocked }
}: KubernetesConfig): V1NetworkPolicyEgressRule[] | null {
  if (blocked.length === 0) return null;
  const except = (isIn: (cidr: string) => boolean) => {
    const found = blocked.filter(isIn);
    return found.length > 0 ? { except: found } : {};
  };
  return [
    {
      to: [
        // An IP block is meant for addresses outside; some network plug-ins do not apply it to pods.
        { namespaceSelector: {} },
        { ipBlock: { cidr: '0.0.0.0/0', ...except(cidr => !cidr.includes(':')) } },
        { ipBlock: { cidr: '::/0', ...except(cidr => cidr.includes(':')) } }
      ]
    }
  ];
}
