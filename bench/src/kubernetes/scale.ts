import { fork, type ChildProcess } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_SHAPE } from '@aglais/protocol';
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { stringify } from 'yaml';
import { percentile, printTable, seconds } from '../figures.js';
import { checkout } from '../installation.js';
import type { Order, Told } from './baseline.js';
import { LabClients } from './lab-clients.js';
import { PAPER } from './fake-pods.js';
import { ScaleServer, type Usage } from './scale-server.js';

/** One with a place in the pods, so that each driver is told of tables. */
const SHARE = join('catalogues', 'bigsky.yaml');
const EXECUTORS = 4;
const STARTS_A_SECOND = 2;
const KILLS_A_SECOND = 5;
/** As many as sit in a workshop. */
const LABS = 30;
const SETTLE_MS = 10_000;
const QUIET_MS = 20_000;
const PATIENCE_MS = 60_000;

/**
 * The whole server with clusters by hundreds on a real API server: asked for through its API, placed by the real scheduler
 * on a node of paper, each with a real witness that hands out a real driver's events; only Spark itself is not there.
 * `AGLAIS_KUBECONFIG` names the cluster, `AGLAIS_BENCH_CLUSTERS` how many.
 */
export async function benchKubernetesScale(): Promise<void> {
  const file = process.env['AGLAIS_KUBECONFIG'];
  if (!file) return console.log('\nKubernetes, scale: left out, AGLAIS_KUBECONFIG is not set');
  const clusters = Number(process.env['AGLAIS_BENCH_CLUSTERS'] ?? 300);
  const config = new KubeConfig();
  config.loadFromFile(file);
  const core = config.makeApiClient(CoreV1Api);
  const namespace = `aglais-scale-${Date.now().toString(36)}`;
  const directory = await mkdtemp(join(tmpdir(), 'aglais-scale-'));
  await core.createNamespace({ body: { metadata: { name: namespace } } });
  await writeFile(join(directory, 'kubernetes.yaml'), stringify(configOf(namespace, file)));
  const server = new ScaleServer(directory);
  const paper = join(directory, 'paper');
  await Promise.all([mkdir(paper), mkdir(join(directory, 'catalogues'))]);
  await copyFile(join(checkout, SHARE), join(directory, SHARE));
  const hand = new Hand(
    fork(join(import.meta.dirname, 'hand.js'), [file, namespace, paper, String(EXECUTORS)])
  );
  try {
    await hand.hears(({ open }) => open);
    const rows = await measure(server, hand, clusters);
    printTable(`Kubernetes: ${clusters} clusters of ${EXECUTORS} executors, one server`, rows);
  } finally {
    await server.kill();
    await hand.end();
    await core.deleteCollectionNamespacedPod({ namespace, gracePeriodSeconds: 0 });
    await core.deleteNamespace({ name: namespace });
    await rm(directory, { recursive: true });
  }
}

async function measure(server: ScaleServer, hand: Hand, clusters: number): Promise<string[][]> {
  await server.start();
  await sleep(3_000);
  const alone = await server.memoryMiB();
  const labs = await LabClients.open(server, LABS);
  const ready = new Map<string, number>();
  const killed = new Map<string, number>();
  hand.onTold(told => {
    if (told.ready) ready.set(told.ready.cluster, told.ready.at);
    if (told.killed) killed.set(told.killed.pod, told.killed.at);
  });

  const [, starting] = await Promise.all([
    startAll(server, clusters),
    server.usage((clusters / STARTS_A_SECOND) * 1_000)
  ]);
  await until('all clusters are ready', () => labs.ready.size >= clusters);
  await sleep(SETTLE_MS);
  const quiet = await server.usage(QUIET_MS);
  hand.order({ kill: { aSecond: KILLS_A_SECOND } });
  const busy = await server.usage((clusters / KILLS_A_SECOND) * 1_000);
  await until('all deaths are told', () => labs.deaths.size >= clusters, true);
  const memory = await server.memoryMiB();
  const { messages, bytes } = labs.traffic;
  labs.close();

  await server.kill();
  const beganAt = Date.now();
  await server.start();
  const listening = Date.now() - beganAt;
  const again = await LabClients.open(server, 1);
  await until('all clusters are ready again', () => again.ready.size >= clusters);
  const adopted = Date.now() - beganAt;
  again.close();
  const { aglais_kubernetes_lists_total: lists, aglais_kubernetes_received_bytes_total: received } =
    await server.metrics();

  return [
    ['server alone', `${alone.toFixed(0)} MiB`],
    ['with all clusters', `${memory.toFixed(0)} MiB`],
    [`${STARTS_A_SECOND} starts a second`, words(starting)],
    ['from "ready" in the driver to the client', delays(ready, labs.ready)],
    ['at rest (executors send heartbeats)', words(quiet)],
    [`${KILLS_A_SECOND} executors killed a second`, words(busy)],
    ['from the kill to the finding at the client', delays(killed, labs.deaths)],
    [`what each of ${LABS} Labs was sent`, `${messages} messages, ${mebibytes(bytes)}`],
    [
      'after kill -9 of the server',
      `listens after ${seconds(listening)}, shows all after ${seconds(adopted)}; ${lists} lists, ${mebibytes(received!)}`
    ]
  ];
}

async function startAll(server: ScaleServer, clusters: number): Promise<void> {
  const shape = { ...DEFAULT_SHAPE, executors: { min: EXECUTORS, max: EXECUTORS } };
  const all = Array.from({ length: clusters }, async (_, index) => {
    await sleep((index * 1_000) / STARTS_A_SECOND);
    const kernel = `kernel-${index}`;
    await server.call('POST', '/clusters', { kernel, notebook: `${kernel}.ipynb`, shape });
  });
  await Promise.all(all);
}

/** Room enough: nodes are not what is measured. */
function configOf(namespace: string, kubeconfig: string): object {
  return {
    namespace,
    prepare: true,
    volumes: [{ name: 'catalogues', mountPath: '/data', source: { hostPath: '/catalogues' } }],
    installation: 'scale',
    connection: { kubeconfig },
    image: { name: 'aglais.invalid/none:1', pullPolicy: 'Never' },
    placement: {
      nodeSelector: { [PAPER]: namespace },
      tolerations: [{ key: PAPER, operator: 'Exists' }]
    },
    capacity: { memoryMiB: 16_000_000, largestNode: { memoryMiB: 16_000_000, cores: 10_000 } }
  };
}

/** The process that is the rest of the world. */
class Hand {
  constructor(private readonly child: ChildProcess) {
    this.onTold(({ failed }) => failed !== undefined && console.error(failed));
  }

  onTold(listener: (told: Told) => void): void {
    this.child.on('message', listener);
  }

  order(order: Order): void {
    this.child.send(order);
  }

  async hears(what: (told: Told) => unknown): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.onTold(told => what(told) && resolve());
      this.child.once('exit', code => reject(new Error(`The node of paper ended with ${code}.`)));
    });
  }

  async end(): Promise<void> {
    if (this.child.exitCode !== null) return;
    const ended = this.hears(({ ended: over }) => over).catch(() => undefined);
    this.order({ end: true });
    await Promise.race([ended, sleep(PATIENCE_MS)]);
    this.child.kill();
  }
}

/** @param evenIfNot what is missing after a minute is shown in the figures */
async function until(what: string, look: () => boolean, evenIfNot = false): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!look()) {
    if (Date.now() > deadline && evenIfNot) return;
    if (Date.now() > deadline) throw new Error(`Waited in vain until ${what}.`);
    await sleep(20);
  }
}

function words({ cpu, receivedKiBs, eventLoopP99Ms }: Usage): string {
  const load = `${cpu.toFixed(0)} % of one core`;
  return `${load}, ${receivedKiBs.toFixed(0)} KiB/s from the API server, event loop p99 ${eventLoopP99Ms.toFixed(0)} ms`;
}

function delays(from: ReadonlyMap<string, number>, to: ReadonlyMap<string, number>): string {
  const all = [...from].flatMap(([key, at]) => (to.has(key) ? [to.get(key)! - at] : []));
  return `median ${percentile(all, 0.5)} ms, p95 ${percentile(all, 0.95)} ms; ${all.length} of ${from.size} told`;
}

const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
