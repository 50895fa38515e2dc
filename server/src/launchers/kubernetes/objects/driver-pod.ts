import type {
  V1Container,
  V1EnvVar,
  V1OwnerReference,
  V1Pod,
  V1Volume
} from '@kubernetes/client-node';
import type { ClusterSpec } from '../../launcher.js';
import { applicationId } from '../../spark-driver.js';
import { eventLogMount } from './event-log-volume.js';
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
  limitedEmptyDir,
  podBasics,
  RESTRICTED,
  sameMemory,
  secretMount,
  writableMounts
} from './container-settings.js';
import type { KubernetesConfig } from '../kubernetes-config.js';
import {
  mountedShares,
  objectStoreEnvironment,
  scratchMounts,
  shareMounts,
  type Mounts
} from './share-volumes.js';
import { driverLimitMiB } from '../capacity/pod-size.js';

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * The driver's pod: a Spark Connect server on loopback, and the witness as a sidecar, which terminates TLS in front of
 * it and keeps running after it until its evidence is fetched.
 * @param owner it is deleted with this object
 */
export function driverPod(
  spec: ClusterSpec,
  config: KubernetesConfig,
  namespace: string,
  owner: V1OwnerReference
): V1Pod {
  const name = objectName(spec.id);
  const directory = directoryMount(config);
  const configuration = configurationMount(name);
  const secret = secretMount(name);
  const account = accountMount();
  const writable = writableMounts(config);
  const eventLog = eventLogMount(config);
  const rest = joined(eventLog, writable, scratchMounts(config.scratch), shareMounts(config));
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
        ...clusterLabels(config, spec.id),
        [ROLE_LABEL]: 'driver',
        // The labels that Spark sets on drivers that it submits; readers of pods rely on them.
        'spark-role': 'driver',
        'spark-app-selector': applicationId(spec.id)
      },
      annotations: {
        ...config.annotations,
        [SHAPE_ANNOTATION]: JSON.stringify(spec.shape),
        [OPTIONS_ANNOTATION]: JSON.stringify(spec.options ?? []),
        // Moving a driver ends its cluster.
        'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false'
      },
      ownerReferences: [owner]
    },
    spec: {
      ...podBasics(config),
      serviceAccountName: config.serviceAccount,
      hostname: name.slice(0, 63),
      terminationGracePeriodSeconds: config.stopSeconds,
      initContainers: [witness(spec, config, directory, secret)],
      containers: [driver(spec, config, driverMounts)],
      volumes: [...joined(directory, configuration, secret, account).volumes, ...rest.volumes]
    }
  };
}

function driver(
  spec: ClusterSpec,
  config: KubernetesConfig,
  volumeMounts: NonNullable<V1Container['volumeMounts']>
): V1Container {
  return {
    name: DRIVER_CONTAINER,
    image: config.image.name,
    imagePullPolicy: config.image.pullPolicy,
    command: [IMAGE.driver],
    workingDir: MOUNTED.work,
    env: driverEnvironment(spec, config),
    ports: [
      { name: 'driver', containerPort: PORTS.driver },
      { name: 'blocks', containerPort: PORTS.driverBlocks }
    ],
    resources: sameMemory(driverLimitMiB(spec.shape, config), config.driver.cpu),
    // The end of the container's log is the message about its end in the notebook.
    terminationMessagePolicy: 'FallbackToLogsOnError',
    securityContext: RESTRICTED,
    volumeMounts
  };
}

function driverEnvironment({ id, warmUp }: ClusterSpec, config: KubernetesConfig): V1EnvVar[] {
  return [
    { name: 'AGLAIS_CLUSTER', value: id },
    { name: 'AGLAIS_DIRECTORY', value: MOUNTED.directory },
    { name: 'AGLAIS_CONF', value: MOUNTED.configuration },
    // The location of the token: users who may describe pods cannot see the token itself.
    { name: 'AGLAIS_SECRET', value: MOUNTED.secret },
    ...(warmUp ? [{ name: 'AGLAIS_WARM_UP', value: 'true' }] : []),
    { name: 'HOME', value: MOUNTED.work },
    { name: 'SPARK_SCALA_VERSION', value: '2.13' },
    { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
    // Java itself adds them to the argument file (JDK 9 and newer); they are known only inside of the pod.
    {
      name: 'JDK_JAVA_OPTIONS',
      value:
        '-Dspark.driver.host=$(POD_IP) ' +
        '-Dspark.master=k8s://https://$(KUBERNETES_SERVICE_HOST):$(KUBERNETES_SERVICE_PORT)'
    },
    ...objectStoreEnvironment(config)
  ];
}

function witness(
  spec: ClusterSpec,
  config: KubernetesConfig,
  directory: Mounts,
  secret: Mounts
): V1Container {
  return {
    name: WITNESS_CONTAINER,
    image: config.image.name,
    imagePullPolicy: config.image.pullPolicy,
    // A native sidecar (KEP 753): it starts before the driver and is stopped after it.
    restartPolicy: 'Always',
    command: [IMAGE.witness],
    env: [
      { name: 'AGLAIS_DIRECTORY', value: MOUNTED.directory },
      { name: 'AGLAIS_SECRET', value: MOUNTED.secret },
      { name: 'AGLAIS_CONNECT_PORT', value: String(PORTS.connect) },
      { name: 'AGLAIS_WITNESS_PORT', value: String(PORTS.witness) },
      { name: 'AGLAIS_SPARK_PORT', value: String(PORTS.spark) },
      // It does not serve event logs of other applications on the same volume.
      { name: 'AGLAIS_APPLICATION', value: applicationId(spec.id) },
      ...(config.volumes.length > 0
        ? [{ name: 'AGLAIS_SHARES', value: JSON.stringify(mountedShares(spec, config)) }]
        : [])
    ],
    ports: [
      { name: 'connect', containerPort: PORTS.connect },
      { name: 'witness', containerPort: PORTS.witness }
    ],
    resources: sameMemory(config.witness.memoryMiB, { request: config.witness.cpu }),
    securityContext: RESTRICTED,
    // It probes the shares as they are mounted in the pod.
    volumeMounts: joined(directory, eventLogMount(config, true), secret, shareMounts(config))
      .volumeMounts
  };
}

/** The cluster's directory (docs/decisions/002), which both containers see. */
function directoryMount({ volumeLimits }: KubernetesConfig): Mounts {
  return {
    volumes: [limitedEmptyDir('aglais', volumeLimits.directoryMiB)],
    mounts: [{ name: 'aglais', mountPath: MOUNTED.directory }]
  };
}

function configurationMount(configMap: string): Mounts {
  return {
    volumes: [{ name: 'configuration', configMap: { name: configMap } }],
    mounts: [{ name: 'configuration', mountPath: MOUNTED.configuration, readOnly: true }]
  };
}

/** The service account's token for the driver alone: it creates executors; the witness does not use the API. */
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
