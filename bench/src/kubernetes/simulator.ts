import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { CoreV1Api, KubeConfig, type V1Pod } from '@kubernetes/client-node';
import { checkout } from '../installation.js';
import { FakeDriver, readRealEvents } from './fake-driver.js';
import { FakeNode } from './fake-node.js';
import { executorPod, killed } from './fake-pods.js';

/** Requests of the measuring process: `aSecond` of the clusters' first executors are killed. */
export type Command = { kill: { aSecond: number } } | { end: true };

/** Its reports; times are ms since the epoch. */
export interface Report {
  open?: true;
  /** A driver became ready. */
  ready?: { cluster: string; at: number };
  /** Just before the status was written to the API server. */
  killed?: { pod: string; at: number };
  failed?: string;
  ended?: true;
}

const RECORDED = join(checkout, 'diagnosis/test/corpus/kubernetes/executors-lost/live.jsonl.gz');
/** Delay until Spark sees the end of an executor's pod, ms. */
const SPARK_SEES_MS = 500;

/**
 * A separate process, so that its work is not measured with the server's: a fake node, and on it the drivers that the
 * server starts, with their executors, all simulated.
 */
const [file, namespace, directory, executors] = process.argv.slice(2) as [
  string,
  string,
  string,
  string
];
const report = (one: Report) => process.send!(one);
const fail = (error: unknown) =>
  report({ failed: error instanceof Error ? error.stack! : String(error) });
const config = new KubeConfig();
config.loadFromFile(file);
const core = config.makeApiClient(CoreV1Api);
const events = readRealEvents(gunzipSync(await readFile(RECORDED)).toString('utf8'));
const drivers = new Map<string, { driver: FakeDriver; pod: V1Pod }>();
const living = new Map<string, V1Pod>();
const addresses = new Map<string, string>();
const node = new FakeNode(config, namespace, addressOf, run, fail);
process.on('message', (command: Command) => {
  ('kill' in command ? kill(command.kill.aSecond) : end()).catch(fail);
});
await node.open();
report({ open: true });

/** On loopback, so that the server reaches the witness of each driver as if it were in its pod. */
function addressOf(pod: V1Pod): string {
  const cluster = clusterOf(pod);
  if (!isDriver(pod)) return '127.0.0.1';
  const index = addresses.size;
  const address = `127.66.${1 + Math.floor(index / 200)}.${1 + (index % 200)}`;
  addresses.set(cluster, addresses.get(cluster) ?? address);
  return addresses.get(cluster)!;
}

async function run(pod: V1Pod): Promise<void> {
  const cluster = clusterOf(pod);
  if (isDriver(pod)) {
    const secret = await core.readNamespacedSecret({ namespace, name: pod.metadata!.name! });
    const driver = await FakeDriver.open({
      directory: join(directory, cluster),
      address: pod.status!.podIP!,
      application: pod.metadata!.labels!['spark-app-selector']!,
      secret: secret.data!,
      events,
      onError: fail
    });
    drivers.set(cluster, { driver, pod });
    for (let n = 1; n <= Number(executors); n += 1) await addExecutor(pod, n);
    report({ ready: { cluster, at: await driver.ready() } });
  } else {
    living.set(pod.metadata!.name!, pod);
    await drivers.get(cluster)?.driver.added(numberOf(pod));
  }
}

async function addExecutor(driver: V1Pod, executor: number): Promise<void> {
  await core.createNamespacedPod({ namespace, body: executorPod(driver, executor) });
}

/** The first executor of each cluster, one after the other; Spark creates another for each. */
async function kill(aSecond: number): Promise<void> {
  const all = [...drivers.values()].map(async ({ driver, pod }, index) => {
    await sleep((index * 1_000) / aSecond);
    const name = `${pod.metadata!.name!}-exec-1`;
    const at = Date.now();
    await node.write(killed(living.get(name)!));
    report({ killed: { pod: name, at } });
    await sleep(SPARK_SEES_MS);
    await driver.removed(1);
    await addExecutor(pod, Number(executors) + 1);
  });
  await Promise.all(all);
}

async function end(): Promise<void> {
  for (const { driver } of drivers.values()) driver.close();
  await node.close();
  report({ ended: true });
  process.disconnect();
}

function clusterOf(pod: V1Pod): string {
  return pod.metadata!.labels!['aglais.org/cluster']!;
}

function isDriver(pod: V1Pod): boolean {
  return pod.metadata!.labels!['aglais.org/role'] === 'driver';
}

function numberOf(pod: V1Pod): number {
  return Number(pod.metadata!.labels!['spark-exec-id']);
}
