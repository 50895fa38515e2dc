import type {
  V1Container,
  V1EnvVar,
  V1OwnerReference,
  V1Pod,
  V1Volume
} from '@kubernetes/client-node';
import type { ClusterSpec } from '../launcher.js';
import { applicationId } from '../spark-driver.js';
import { eventLogMount } from './event-log.js';
import {
  clusterLabels,
  DRIVER_CONTAINER,
  IMAGE,
  MOUNTED,
  objectName,
  OPTIONS_ANNOTATION,
  PORTS,
  ROLE_LABEL,
  SHAPE_ANNOTATION,
  WITNESS_CONTAINER
} from './names.js';
import {
  joined,
  podBasics,
  RESTRICTED,
  sameMemory,
  secretMount,
  writableMounts
} from './pod-parts.js';
import type { KubernetesPolicy } from './policy.js';
import {
  mountedShares,
  objectStoreEnvironment,
  scratchMounts,
  shareMounts,
  type Mounts
} from './shares.js';
import { driverLimitMiB } from './sizes.js';

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * The one pod that is a cluster: a Spark Connect server on loopback, and before it the witness, which encrypts the way
 * to it and outlives it for as long as its evidence is fetched.
 * @param owner what it is deleted with
 */
export function driverPod(
  spec: ClusterSpec,
  policy: KubernetesPolicy,
  namespace: string,
  owner: V1OwnerReference
): V1Pod {
  const name = objectName(spec.id);
  const directory = directoryMount();
  const configuration = configurationMount(name);
  const secret = secretMount(name);
  const account = accountMount();
  const writable = writableMounts();
  const eventLog = eventLogMount(policy);
  const rest = joined(eventLog, writable, scratchMounts(policy.scratch), shareMounts(policy));
  const driverMounts = [
    ...joined(directory, configuration, secret, account).volumeMounts,
    ...rest.volumeMounts
  ];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      labels: {
        ...clusterLabels(policy, spec.id),
        [ROLE_LABEL]: 'driver',
        // As Spark labels the drivers that it submits; readers of pods go by it.
        'spark-role': 'driver',
        'spark-app-selector': applicationId(spec.id)
      },
      annotations: {
        ...policy.annotations,
        [SHAPE_ANNOTATION]: JSON.stringify(spec.shape),
        [OPTIONS_ANNOTATION]: JSON.stringify(spec.options ?? []),
        // Moving a driver ends its cluster.
        'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false'
      },
      ownerReferences: [owner]
    },
    spec: {
      ...podBasics(policy),
      serviceAccountName: policy.serviceAccount,
      hostname: name.slice(0, 63),
      terminationGracePeriodSeconds: policy.stopSeconds,
      initContainers: [witness(spec, policy, directory, secret)],
      containers: [driver(spec, policy, driverMounts)],
      volumes: [...joined(directory, configuration, secret, account).volumes, ...rest.volumes]
    }
  };
}

function driver(
  spec: ClusterSpec,
  policy: KubernetesPolicy,
  volumeMounts: NonNullable<V1Container['volumeMounts']>
): V1Container {
  return {
    name: DRIVER_CONTAINER,
    image: policy.image.name,
    imagePullPolicy: policy.image.pullPolicy,
    command: [IMAGE.driver],
    workingDir: MOUNTED.work,
    env: driverEnvironment(spec, policy),
    ports: [
      { name: 'driver', containerPort: PORTS.driver },
      { name: 'blocks', containerPort: PORTS.driverBlocks }
    ],
    resources: sameMemory(driverLimitMiB(spec.shape, policy), policy.driver.cpu),
    // What the kernel of the notebook sees of its end is the container's own last words.
    terminationMessagePolicy: 'FallbackToLogsOnError',
    securityContext: RESTRICTED,
    volumeMounts
  };
}

function driverEnvironment({ id }: ClusterSpec, policy: KubernetesPolicy): V1EnvVar[] {
  return [
    { name: 'AGLAIS_CLUSTER', value: id },
    { name: 'AGLAIS_DIRECTORY', value: MOUNTED.directory },
    { name: 'AGLAIS_CONF', value: MOUNTED.configuration },
    // Where the token is: whoever may describe pods does not see it.
    { name: 'AGLAIS_SECRET', value: MOUNTED.secret },
    { name: 'HOME', value: MOUNTED.work },
    { name: 'SPARK_SCALA_VERSION', value: '2.13' },
    { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
    // Added to the argument file by Java itself (JDK 9 and newer); what it holds is known only to the pod.
    {
      name: 'JDK_JAVA_OPTIONS',
      value:
        '-Dspark.driver.host=$(POD_IP) ' +
        '-Dspark.master=k8s://https://$(KUBERNETES_SERVICE_HOST):$(KUBERNETES_SERVICE_PORT)'
    },
    ...objectStoreEnvironment(policy)
  ];
}

function witness(
  spec: ClusterSpec,
  policy: KubernetesPolicy,
  directory: Mounts,
  secret: Mounts
): V1Container {
  return {
    name: WITNESS_CONTAINER,
    image: policy.image.name,
    imagePullPolicy: policy.image.pullPolicy,
    // A native sidecar (KEP 753): it is there before the driver, and is ended only after it.
    restartPolicy: 'Always',
    command: [IMAGE.node, IMAGE.witness],
    env: [
      { name: 'AGLAIS_DIRECTORY', value: MOUNTED.directory },
      { name: 'AGLAIS_SECRET', value: MOUNTED.secret },
      { name: 'AGLAIS_CONNECT_PORT', value: String(PORTS.connect) },
      { name: 'AGLAIS_WITNESS_PORT', value: String(PORTS.witness) },
      { name: 'AGLAIS_SPARK_PORT', value: String(PORTS.spark) },
      // Of event logs that others write beside it, it hands out none.
      { name: 'AGLAIS_APPLICATION', value: applicationId(spec.id) },
      ...(policy.volumes.length > 0
        ? [{ name: 'AGLAIS_SHARES', value: JSON.stringify(mountedShares(spec, policy)) }]
        : [])
    ],
    ports: [
      { name: 'connect', containerPort: PORTS.connect },
      { name: 'witness', containerPort: PORTS.witness }
    ],
    resources: sameMemory(policy.witness.memoryMiB, { request: policy.witness.cpu }),
    securityContext: RESTRICTED,
    // It looks at the shares from where they are mounted: whether they answer here is what counts.
    volumeMounts: joined(directory, eventLogMount(policy, true), secret, shareMounts(policy))
      .volumeMounts
  };
}

/** The cluster's directory (docs/decisions/002), which both containers see. */
function directoryMount(): Mounts {
  return {
    volumes: [{ name: 'aglais', emptyDir: {} }],
    mounts: [{ name: 'aglais', mountPath: MOUNTED.directory }]
  };
}

function configurationMount(configMap: string): Mounts {
  return {
    volumes: [{ name: 'configuration', configMap: { name: configMap } }],
    mounts: [{ name: 'configuration', mountPath: MOUNTED.configuration, readOnly: true }]
  };
}

/** The service account's token for the driver alone: it makes executors; the witness has no business with the API. */
function accountMount(): Mounts {
  const volume: V1Volume = {
    name: 'account',
    projected: {
      defaultMode: 0o444,
      sources: [
        { serviceAccountToken: { path: 'token', expirationSeconds: 3_607 } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        {
          downwardAPI: {
            items: [{ path: 'namespace', fieldRef: { fieldPath: 'metadata.namespace' } }]
          }
        }
      ]
    }
  };
  return {
    volumes: [volume],
    mounts: [{ name: 'account', mountPath: SERVICE_ACCOUNT, readOnly: true }]
  };
}
