import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import { stringify } from 'yaml';
import { environment } from '../support/server.js';
import { SimulatedPods } from '../support/simulated-pods.js';
import type { World } from './world.js';

const NAMESPACE = 'soak';

/**
 * Drivers are pods of a stand-in for Kubernetes, and the database is a PostgreSQL: the server has leases, notes, views and
 * observations in it, as one of several servers has.
 */
export async function podsWorld(directory: string, database: string): Promise<World> {
  const pods = new SimulatedPods(join(directory, 'pods'), NAMESPACE);
  const kubeconfig = join(directory, 'kubeconfig');
  writeFileSync(kubeconfig, kubeconfigText(await pods.api.open()));
  const config = {
    ...{ namespace: NAMESPACE, connection: { kubeconfig }, image: { name: 'none' } },
    stopSeconds: 5
  };
  writeFileSync(join(directory, 'kubernetes.yaml'), stringify(config));
  mkdirSync(join(directory, 'catalogues'), { recursive: true });
  return {
    environment: environment(directory, {
      AGLAIS_LAUNCHER: 'kubernetes',
      AGLAIS_KUBERNETES: join(directory, 'kubernetes.yaml'),
      AGLAIS_DATABASE: database,
      AGLAIS_STOP_CLUSTERS_ON_EXIT: 'false'
    }),
    database,
    async driver(cluster) {
      const driver = await pods.driver(cluster);
      return {
        work: async losses => {
          if (losses) pods.killExecutor(cluster, 1);
          await driver.work(losses);
        },
        die: () => pods.killDriver(cluster)
      };
    },
    leftovers: () => [
      ...readdirSync(join(directory, 'state', 'clusters')),
      ...readdirSync(join(directory, 'pods')),
      ...pods.leftovers()
    ],
    close: () => pods.close()
  };
}

/** By token and without TLS. */
function kubeconfigText(config: KubeConfig): string {
  const { server } = config.getCurrentCluster()!;
  const { token } = config.getCurrentUser()!;
  return stringify({
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'test' },
    clusters: [{ name: 'test', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'test', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }]
  });
}
