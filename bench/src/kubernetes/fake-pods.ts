import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node';

/** Label and taint of the node for the simulated pods of a namespace. */
export const SIMULATED = 'aglais.org/simulated';

/** An executor pod as Spark creates it for this driver, with the size of a real one in the API server. */
export function executorPod(driver: V1Pod, executor: number): V1Pod {
  const { labels, name, uid } = driver.metadata!;
  const env = Array.from({ length: 30 }, (_, index) => ({
    name: `SPARK_JAVA_OPT_${index}`,
    value: `-Dspark.some.property.${index}=a-value-of-the-usual-length-${index}`
  }));
  const size = { memory: '896Mi', cpu: '100m' };
  return {
    metadata: {
      name: `${name}-exec-${executor}`,
      labels: {
        ...labels,
        'aglais.org/role': 'executor',
        'spark-role': 'executor',
        'spark-exec-id': String(executor)
      },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: name!, uid: uid!, controller: true }]
    },
    spec: {
      nodeSelector: driver.spec!.nodeSelector!,
      tolerations: driver.spec!.tolerations!,
      automountServiceAccountToken: false,
      restartPolicy: 'Never',
      containers: [
        {
          name: 'spark-kubernetes-executor',
          image: 'none',
          env,
          resources: { limits: size, requests: size }
        }
      ]
    }
  };
}

/** The pod with this address and all its containers running. */
export function running(pod: V1Pod, address: string): V1Pod {
  const { containers, initContainers } = pod.spec!;
  const startedAt = new Date();
  const runs = ({ name, image }: { name: string; image?: string }): V1ContainerStatus => ({
    ...{ name, image: image ?? '', imageID: image ?? '', restartCount: 0, ready: true },
    ...{ started: true, state: { running: { startedAt } } }
  });
  return withStatus(pod, {
    phase: 'Running',
    hostIP: '127.0.0.1',
    podIP: address,
    podIPs: [{ ip: address }],
    startTime: startedAt,
    ...(initContainers && { initContainerStatuses: initContainers.map(runs) }),
    containerStatuses: containers.map(runs)
  });
}

/** The pod after its container was OOM-killed. */
export function killed(pod: V1Pod): V1Pod {
  const [before] = pod.status!.containerStatuses!;
  const finishedAt = new Date();
  const terminated = {
    ...{ exitCode: 137, reason: 'OOMKilled', finishedAt },
    startedAt: before!.state!.running!.startedAt!
  };
  return withStatus(pod, {
    phase: 'Failed',
    containerStatuses: [{ ...before!, ready: false, started: false, state: { terminated } }]
  });
}

function withStatus(pod: V1Pod, status: V1Pod['status']): V1Pod {
  const metadata = { ...pod.metadata };
  // Written whatever the current version is.
  delete metadata.resourceVersion;
  return { ...pod, metadata, status: { ...pod.status, ...status } };
}
