import type { V1Pod } from '@kubernetes/client-node';

/** The pod of a driver (executor 0) or an executor that nobody places and nobody runs; of the size that Spark's have. */
export function podOf(cluster: number, executor: number): V1Pod {
  const id = `s${cluster}`;
  const isDriver = executor === 0;
  const container = isDriver ? 'driver' : 'spark-kubernetes-executor';
  const env = Array.from({ length: 30 }, (_, index) => ({
    name: `SPARK_JAVA_OPT_${index}`,
    value: `-Dspark.some.property.${index}=a-value-of-the-usual-length-${index}`
  }));
  const resources = { memory: '812Mi', cpu: '100m' };
  return {
    metadata: {
      name: podName(cluster, executor),
      labels: {
        'app.kubernetes.io/managed-by': 'aglais',
        'aglais.org/installation': 'scale',
        'aglais.org/cluster': id,
        'aglais.org/role': isDriver ? 'driver' : 'executor',
        'spark-role': isDriver ? 'driver' : 'executor',
        'spark-app-selector': `spark-${id}`,
        ...(!isDriver && { 'spark-exec-id': String(executor) })
      }
    },
    spec: {
      schedulerName: 'aglais-scale',
      automountServiceAccountToken: false,
      restartPolicy: 'Never',
      containers: [
        {
          name: container,
          image: 'none',
          env,
          resources: { limits: resources, requests: resources }
        }
      ]
    }
  };
}

export function running(pod: V1Pod): V1Pod {
  return withState(pod, 'Running', { running: { startedAt: new Date() } });
}

export function dead(pod: V1Pod): V1Pod {
  const finishedAt = new Date();
  const ended = { exitCode: 137, reason: 'OOMKilled', startedAt: finishedAt, finishedAt };
  return withState(pod, 'Failed', { terminated: ended });
}

function withState(pod: V1Pod, phase: string, state: object): V1Pod {
  const [{ name, image }] = pod.spec!.containers as [{ name: string; image: string }];
  const metadata = { ...pod.metadata };
  // Whatever its version is now.
  delete metadata.resourceVersion;
  return {
    ...pod,
    metadata,
    status: {
      phase,
      containerStatuses: [{ name, image, imageID: 'none', ready: false, restartCount: 0, state }]
    }
  };
}

export const podName = (cluster: number, executor: number) =>
  executor === 0 ? `aglais-s${cluster}` : `aglais-s${cluster}-exec-${executor}`;
