import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_SHAPE, type Cluster, type Endpoint } from '@aglais/protocol';
import { argumentFile, driverCommand } from '@aglais/server/driver-command';
import { Client } from './client.js';
import { median, printTable, seconds } from './figures.js';
import { checkout, java, openServer, python, sparkHome, type BenchServer } from './installation.js';

const ROUNDS = 5;
const ROWS = 1_000_000;
const LONG_ROWS = 400_000_000;

interface Variant {
  name: string;
  archives: boolean;
  fastCompiler: boolean;
}

/** What a person starts by hand, then with each thing that shortens the start. */
const BY_HAND: Variant[] = [
  { name: 'bare Spark Connect server', archives: false, fastCompiler: false },
  { name: '+ class-data archives', archives: true, fastCompiler: false },
  { name: '+ quick compiler in the driver', archives: true, fastCompiler: true }
];

/**
 * From the first use of Spark to the first result: a Spark Connect server started by hand, and the same cluster from
 * Aglais. One after the other in each round, so that a noisy moment of the machine meets them all.
 */
export async function benchStart(): Promise<void> {
  const server = await openServer();
  const client = await Client.open();
  const times = new Map<string, number[]>();
  const long = new Map<string, number[]>();
  const note = (map: Map<string, number[]>, name: string, ms: number) =>
    map.set(name, [...(map.get(name) ?? []), ms]);
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const variant of BY_HAND) {
        const { first, computed } = await byHand(variant, client);
        note(times, variant.name, first);
        note(long, variant.name, computed);
      }
      const { first, computed } = await fromAglais(server, client, round);
      note(times, 'Aglais', first);
      note(long, 'Aglais', computed);
      process.stdout.write('.');
    }
  } finally {
    client.close();
    await server.close();
  }
  const bare = median(times.get(BY_HAND[0]!.name)!);
  const bareLong = median(long.get(BY_HAND[0]!.name)!);
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
  const figures = await measure(client, `${endpoint.url}/;token=${endpoint.token}`, begun);
  await server.call('DELETE', `/clusters/${cluster.id}`);
  while (cluster.state !== 'stopped') {
    await sleep(100);
    cluster = await server.call<Cluster>('GET', `/clusters/${cluster.id}`);
  }
  return figures;
}

async function byHand(variant: Variant, client: Client) {
  const directory = await mkdtemp(join(tmpdir(), 'aglais-bench-hand-'));
  for (const folder of ['scratch', 'tmp', 'eventlog']) await mkdir(join(directory, folder));
  await writeFile(join(directory, 'catalogue.sql'), '');
  const runtime = await java();
  const installation = {
    home: sparkHome,
    java: runtime,
    python,
    scripts: join(checkout, 'interpreters', 'spark'),
    javaLacks: '',
    archives: { driver: variant.archives, executor: variant.archives }
  };
  const spec = { id: 'bench', shape: DEFAULT_SHAPE, token: 'bench', catalogue: [] };
  const jars = await readdir(join(sparkHome, 'jars'));
  const command = driverCommand(spec, directory, installation, null, jars);
  const values = command.arguments.filter(
    value => variant.fastCompiler || !value.startsWith('-XX:TieredStopAtLevel')
  );
  await writeFile(join(directory, 'driver.args'), argumentFile(values));
  const begun = Date.now();
  const driver = spawn(runtime, [`@${join(directory, 'driver.args')}`], {
    env: { ...process.env, ...command.environment },
    stdio: 'ignore'
  });
  const ended = new Promise(resolve => driver.once('close', resolve));
  try {
    const port = await readyPort(join(directory, 'ready'));
    return await measure(client, `sc://localhost:${port}/;token=${spec.token}`, begun);
  } finally {
    driver.kill('SIGTERM');
    await ended;
    await rm(directory, { recursive: true, force: true });
    await rm(join(sparkHome, 'work', 'app-bench'), { recursive: true, force: true });
  }
}

async function readyPort(file: string): Promise<string> {
  for (;;) {
    const text = await readFile(file, 'utf8').catch(() => null);
    if (text !== null) return text.split('\n')[0]!;
    await sleep(10);
  }
}

/** The first result, and how long a computation takes afterwards that keeps all executors busy. */
async function measure(client: Client, url: string, begun: number) {
  const { firstResultAt } = await client.run({ url, rows: ROWS });
  const longBegun = Date.now();
  const { firstResultAt: longAt } = await client.run({ url, rows: LONG_ROWS });
  return { first: firstResultAt - begun, computed: longAt - longBegun };
}
