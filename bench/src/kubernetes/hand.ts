import { setTimeout as sleep } from 'node:timers/promises';
import { CoreV1Api, KubeConfig, type V1Pod } from '@kubernetes/client-node';
import { dead, podName, podOf, running } from './pods-by-hand.js';

/** What the measuring process asks for. */
export interface Order {
  make?: { clusters: number; executors: number };
  kill?: { clusters: number; aSecond: number };
}

/** What it is told: everything is made, or an executor was killed (ms since the epoch, before the request was sent). */
export interface Told {
  madeMs?: number;
  killed?: { pod: string; at: number };
  failed?: string;
}

const AT_ONCE = 20;

/** A process of its own, so that its work is not measured with the server's: makes pods and kills them. */
const config = new KubeConfig();
config.loadFromFile(process.argv[2]!);
const namespace = process.argv[3]!;
const api = config.makeApiClient(CoreV1Api);
const tell = (told: Told) => process.send!(told);
process.on('message', (order: Order) => {
  const work = order.make ? make(order.make) : kill(order.kill!);
  work.catch((error: unknown) => tell({ failed: String(error) }));
});

async function make({ clusters, executors }: { clusters: number; executors: number }) {
  const began = Date.now();
  const wanted = Array.from({ length: clusters * (executors + 1) }, (_, index) =>
    podOf(Math.floor(index / (executors + 1)), index % (executors + 1))
  );
  const workers = Array.from({ length: AT_ONCE }, async () => {
    for (let pod = wanted.pop(); pod; pod = wanted.pop()) {
      await write(running(await api.createNamespacedPod({ namespace, body: pod })));
    }
  });
  await Promise.all(workers);
  tell({ madeMs: Date.now() - began });
}

/** The first executor of each cluster, one after the other. */
async function kill({ clusters, aSecond }: { clusters: number; aSecond: number }) {
  const kills = Array.from({ length: clusters }, async (_, cluster) => {
    await sleep((cluster * 1000) / aSecond);
    const name = podName(cluster, 1);
    const pod = await api.readNamespacedPod({ namespace, name });
    const at = Date.now();
    await write(dead(pod));
    tell({ killed: { pod: name, at } });
  });
  await Promise.all(kills);
}

async function write(pod: V1Pod): Promise<void> {
  await api.replaceNamespacedPodStatus({ namespace, name: pod.metadata!.name!, body: pod });
}
