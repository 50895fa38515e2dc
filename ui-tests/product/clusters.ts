import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster } from '@aglais/protocol';
import type { APIRequestContext } from '@playwright/test';
import { place } from './place';
import { processesWith, type Process } from './processes';

/** The clusters of a kernel, as the server reports them to the page. */
export async function clustersOf(request: APIRequestContext, kernel: string): Promise<Cluster[]> {
  const response = await request.get('/aglais/api/v1/clusters');
  if (!response.ok()) throw new Error(`${response.status()}: ${await response.text()}`);
  const { clusters } = (await response.json()) as { clusters: Cluster[] };
  return clusters.filter(cluster => cluster.kernel === kernel);
}

/** The one cluster of a kernel that is ready. */
export async function readyClusterOf(request: APIRequestContext, kernel: string): Promise<Cluster> {
  const ready = (await clustersOf(request, kernel)).filter(({ state }) => state === 'ready');
  if (ready.length !== 1) throw new Error(`${ready.length} clusters of ${kernel} are ready.`);
  return ready[0]!;
}

/** Driver, executors and Python workers of a cluster. */
export function processesOf(cluster: Cluster): Process[] {
  return processesWith('AGLAIS_CLUSTER', cluster.id);
}

/** Ends a driver like the kernel's OOM killer. */
export function killDriver(cluster: Cluster): void {
  const file = join(place().state, 'clusters', cluster.id, 'driver.pid');
  process.kill(Number.parseInt(readFileSync(file, 'utf8'), 10), 'SIGKILL');
}
