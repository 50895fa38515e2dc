import type {
  V1ConfigMap,
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

/** Kubernetes deletes all objects that the cluster's ConfigMap owns together with it. */
export function ownedBy(root: V1ConfigMap): V1OwnerReference {
  const { name, uid } = root.metadata!;
  return { apiVersion: 'v1', kind: 'ConfigMap', name: name!, uid: uid! };
}

/** Metadata that all objects of a cluster share. */
export function clusterMetadata(
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
    metadata: clusterMetadata(spec, config, namespace),
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
    metadata: clusterMetadata(spec, config, namespace, owner),
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
    metadata: clusterMetadata(spec, config, namespace, owner),
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
