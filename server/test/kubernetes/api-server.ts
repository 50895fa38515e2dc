import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { CoreV1Api, KubeConfig, type V1Pod } from '@kubernetes/client-node';

/** The cluster for the tests, named by the environment. */
export function testCluster(): { kubeConfig: KubeConfig; image: string } {
  const file = process.env['AGLAIS_KUBECONFIG'];
  const image = process.env['AGLAIS_SPARK_IMAGE'];
  if (!file || !image) {
    throw new Error('AGLAIS_KUBECONFIG and AGLAIS_SPARK_IMAGE name a cluster and its Spark image.');
  }
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(file);
  return { kubeConfig, image };
}

export interface TestNamespace {
  name: string;
  remove(): Promise<void>;
}

export async function testNamespace(api: CoreV1Api): Promise<TestNamespace> {
  const name = `aglais-evidence-${Date.now().toString(36)}`;
  await api.createNamespace({ body: { metadata: { name } } });
  return {
    name,
    remove: async () => {
      await api.deleteCollectionNamespacedPod({ namespace: name, gracePeriodSeconds: 0 });
      await api.deleteNamespace({ name });
    }
  };
}

/** A pod that looks like an executor of Spark and runs a shell script. */
export function executorPod(id: string, image: string, script: string, limit: string): V1Pod {
  return {
    metadata: {
      name: `app-exec-${id}`,
      labels: {
        'spark-role': 'executor',
        'spark-exec-id': id,
        'spark-app-selector': 'app-1',
        'aglais.org/cluster': 'c1'
      }
    },
    spec: {
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 1,
      automountServiceAccountToken: false,
      containers: [
        {
          name: 'spark-kubernetes-executor',
          image,
          imagePullPolicy: 'IfNotPresent',
          command: ['/bin/sh', '-c', script],
          resources: {
            limits: { memory: limit, cpu: '500m' },
            requests: { memory: limit, cpu: '10m' }
          }
        }
      ]
    }
  };
}

/** Allocates memory until it is OOM-killed; it is the container's first process, so the container ends with it. */
export const EAT_MEMORY =
  'exec python3 -c \'x = []\nwhile True: x.append(bytearray(b"x" * (8 << 20)))\'';

/** A separate connection to the API server, which can be broken without affecting the cluster. */
export async function wayTo(kubeConfig: KubeConfig) {
  const cluster = kubeConfig.getCurrentCluster()!;
  const { hostname, port } = new URL(cluster.server);
  const pairs = new Set<Socket[]>();
  let isOpen = true;
  const server = createServer(client => {
    if (!isOpen) return void client.destroy();
    const peer = connect(Number(port) || 443, hostname);
    const pair = [client, peer];
    pairs.add(pair);
    client.pipe(peer).pipe(client);
    for (const socket of pair) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        pairs.delete(pair);
        for (const one of pair) one.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const there = new KubeConfig();
  there.loadFromOptions({
    clusters: [
      {
        name: 'way',
        server: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
        // Its certificate names the cluster, not this proxy.
        skipTLSVerify: true
      }
    ],
    users: [{ ...kubeConfig.getCurrentUser()!, name: 'user' }],
    contexts: [{ name: 'way', cluster: 'way', user: 'user' }],
    currentContext: 'way'
  });
  const cut = (): void => {
    for (const pair of [...pairs]) for (const socket of pair) socket.destroy();
  };
  return {
    kubeConfig: there,
    cut,
    /** Refuses all connections while it is closed. */
    open: (on: boolean) => {
      isOpen = on;
      if (!on) cut();
    },
    close: () => {
      cut();
      server.close();
    }
  };
}
