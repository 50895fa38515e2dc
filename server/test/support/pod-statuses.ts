import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node';

const EXECUTOR = 'spark-kubernetes-executor';
const NOW = () => new Date().toISOString() as unknown as Date;

/** The pod with this address and all its containers running. */
export function runningPod(pod: V1Pod, podIP: string): V1Pod {
  const runs = ({ name, resources }: { name: string; resources?: object }): V1ContainerStatus => ({
    ...{ name, image: 'none', imageID: 'none', restartCount: 0, ready: true, started: true },
    ...{ state: { running: { startedAt: NOW() } }, ...(resources && { resources }) }
  });
  const { containers, initContainers } = pod.spec!;
  return {
    ...pod,
    spec: { ...pod.spec!, nodeName: 'n1' },
    status: {
      ...{ phase: 'Running', hostIP: '127.0.0.1', podIP, podIPs: [{ ip: podIP }] },
      ...(initContainers && { initContainerStatuses: initContainers.map(runs) }),
      containerStatuses: containers.map(runs)
    }
  };
}

/** A running executor, as Spark makes it for this driver. */
export function executorOf(driver: V1Pod, executor: number, limit = '768Mi'): V1Pod {
  const { labels, name, namespace } = driver.metadata!;
  const resources = { limits: { memory: limit }, requests: { memory: limit } };
  const pod = {
    metadata: {
      name: `${name}-exec-${executor}`,
      namespace: namespace!,
      labels: {
        ...labels,
        'aglais.org/role': 'executor',
        'spark-role': 'executor',
        'spark-exec-id': String(executor)
      }
    },
    spec: { containers: [{ name: EXECUTOR, image: 'none', resources }] }
  };
  return runningPod(pod, '127.0.0.1');
}

/** The pod after the kernel killed this container for memory. */
export function terminatedPod(pod: V1Pod, container: string): V1Pod {
  const terminated = { exitCode: 137, reason: 'OOMKilled', finishedAt: NOW() };
  const containerStatuses = (pod.status?.containerStatuses ?? []).map(one =>
    one.name === container ? { ...one, ready: false, state: { terminated } } : one
  );
  const isOver = container === EXECUTOR;
  const phase = isOver ? 'Failed' : pod.status?.phase;
  return { ...pod, status: { ...pod.status, containerStatuses, ...(phase && { phase }) } };
}
