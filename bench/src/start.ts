import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_SHAPE, type Cluster, type Endpoint } from '@aglais/protocol';
import { BASELINES, withBaselineServer } from './baseline.js';
import { Client } from './client.js';
import { median, printTable, seconds } from './report.js';
import { openServer, type BenchServer } from './installation.js';

const ROUNDS = 5;
const ROWS = 1_000_000;
const LONG_ROWS = 200_000_000;

/**
 * From the first use of Spark to the first result: a Spark Connect server without Aglais, and the same cluster from
 * Aglais. One after the other in each round, so that other load on the machine affects all of them.
 */
export async function benchStart(): Promise<void> {
  const server = await openServer();
  const client = await Client.open();
  const times = new Map<string, number[]>();
  const long = new Map<string, number[]>();
  const add = (map: Map<string, number[]>, name: string, ms: number) =>
    map.set(name, [...(map.get(name) ?? []), ms]);
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const measures of BASELINES) {
        const begun = Date.now();
        const { first, computed } = await withBaselineServer(measures, url =>
          measure(client, url, begun)
        );
        add(times, measures.name, first);
        add(long, measures.name, computed);
      }
      const { first, computed } = await fromAglais(server, client, round);
      add(times, 'Aglais', first);
      add(long, 'Aglais', computed);
      process.stdout.write('.');
    }
  } finally {
    client.close();
    await server.close();
  }
  const bare = median(times.get(BASELINES[0]!.name)!);
  const bareLong = median(long.get(BASELINES[0]!.name)!);
  printTable(`First use of Spark to first result, median of ${ROUNDS}; then a long computation`, [
    ['', 'first result', 'ratio', `${LONG_ROWS / 1e6} million rows`, 'ratio'],
    ...[...times].map(([name, list]) => [
      name,
      seconds(median(list)),
      (median(list) / bare).toFixed(2),
      seconds(median(long.get(name)!)),
      (median(long.get(name)!) / bareLong).toFixed(2)
    ])
  ]);
}

async function fromAglais(server: BenchServer, client: Client, round: number) {
  const begun = Date.now();
  let cluster = await server.call<Cluster>('POST', '/clusters', {
    kernel: `start-${round}`,
    notebook: 'bench.ipynb',
    shape: DEFAULT_SHAPE
  });
  while (cluster.state !== 'ready') {
    if (cluster.state === 'failed') throw new Error(cluster.reason ?? 'the cluster failed');
    const query = `afterRevision=${cluster.revision}&waitMs=10000`;
    cluster = await server.call<Cluster>('GET', `/clusters/${cluster.id}?${query}`);
  }
  const endpoint = await server.call<Endpoint>('GET', `/clusters/${cluster.id}/endpoint`);
  const times = await measure(client, `${endpoint.url}/;token=${endpoint.token}`, begun);
  await server.call('DELETE', `/clusters/${cluster.id}`);
  while (cluster.state !== 'stopped') {
    await sleep(100);
    cluster = await server.call<Cluster>('GET', `/clusters/${cluster.id}`);
  }
  return times;
}

/** The first result, and the duration of a subsequent computation that keeps all executors busy. */
async function measure(client: Client, url: string, begun: number) {
  const { firstResultAt } = await client.run({ url, rows: ROWS });
  const longBegun = Date.now();
  const { firstResultAt: longAt } = await client.run({ url, rows: LONG_ROWS });
  return { first: firstResultAt - begun, computed: longAt - longBegun };
}
