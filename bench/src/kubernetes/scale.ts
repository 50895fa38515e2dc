import { fork, type ChildProcess } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_SHAPE } from '@aglais/protocol';
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { stringify } from 'yaml';
import { percentile, printTable, seconds } from '../report.js';
import { checkout } from '../installation.js';
import type { Command, Report } from './simulator.js';
import { LabClients } from './lab-clients.js';
import { SIMULATED } from './fake-pods.js';
import { ScaleServer, type Usage } from './scale-server.js';

/** A share that is mounted in the pods, so that each driver gets tables. */
const SHARE = join('catalogues', 'bigsky.yaml');
const EXECUTORS = 4;
const STARTS_A_SECOND = 2;
const KILLS_A_SECOND = 5;
/** As in a workshop. */
const LABS = 30;
const SETTLE_MS = 10_000;
const QUIET_MS = 20_000;
const TIMEOUT_MS = 60_000;

/**
 * One server with hundreds of clusters on a real API server: requested through its API, placed by the real scheduler on
 * a fake node, each with a real witness that serves the events of a real driver. Only Spark itself is simulated.
 * `AGLAIS_KUBECONFIG` names the cluster, `AGLAIS_BENCH_CLUSTERS` how many.
 */
export async function benchKubernetesScale(): Promise<void> {
  const file = process.env['AGLAIS_KUBECONFIG'];
  if (!file) return console.log('\nKubernetes, scale: skipped, AGLAIS_KUBECONFIG is not set');
  const clusters = Number(process.env['AGLAIS_BENCH_CLUSTERS'] ?? 300);
  const config = new KubeConfig();
  config.loadFromFile(file);
  const core = config.makeApiClient(CoreV1Api);
  const namespace = `aglais-scale-${Date.now().toString(36)}`;
  const directory = await mkdtemp(join(tmpdir(), 'aglais-scale-'));
  await core.createNamespace({ body: { metadata: { name: namespace } } });
  await writeFile(join(directory, 'kubernetes.yaml'), stringify(configOf(namespace, file)));
  const server = new ScaleServer(directory);
  const drivers = join(directory, 'drivers');
  await Promise.all([mkdir(drivers), mkdir(join(directory, 'catalogues'))]);
  await copyFile(join(checkout, SHARE), join(directory, SHARE));
  const simulator = new Simulator(
    fork(join(import.meta.dirname, 'simulator.js'), [file, namespace, drivers, String(EXECUTORS)])
  );
  try {
    await simulator.waitFor(({ open }) => open);
    const rows = await measure(server, simulator, clusters);
    printTable(`Kubernetes: ${clusters} clusters of ${EXECUTORS} executors, one server`, rows);
  } finally {
    await server.kill();
    await simulator.end();
    await core.deleteCollectionNamespacedPod({ namespace, gracePeriodSeconds: 0 });
    await core.deleteNamespace({ name: namespace });
    await rm(directory, { recursive: true });
  }
}

async function measure(
  server: ScaleServer,
  simulator: Simulator,
  clusters: number
): Promise<string[][]> {
  await server.start();
  await sleep(3_000);
  const alone = await server.memoryMiB();
  const labs = await LabClients.open(server, LABS);
  const ready = new Map<string, number>();
  const killed = new Map<string, number>();
  simulator.onReport(report => {
    if (report.ready) ready.set(report.ready.cluster, report.ready.at);
    if (report.killed) killed.set(report.killed.pod, report.killed.at);
  });

  const [, starting] = await Promise.all([
    startAll(server, clusters),
    server.usage((clusters / STARTS_A_SECOND) * 1_000)
  ]);
  await until('all clusters are ready', () => labs.ready.size >= clusters);
  await sleep(SETTLE_MS);
  const quiet = await server.usage(QUIET_MS);
  simulator.send({ kill: { aSecond: KILLS_A_SECOND } });
  const busy = await server.usage((clusters / KILLS_A_SECOND) * 1_000);
  await until('all kills are reported', () => labs.deaths.size >= clusters, true);
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
    [`${STARTS_A_SECOND} starts a second`, formatUsage(starting)],
    ['from "ready" in the driver to the client', delays(ready, labs.ready)],
    ['idle (executors send heartbeats)', formatUsage(quiet)],
    [`${KILLS_A_SECOND} executors killed a second`, formatUsage(busy)],
    ['from the kill to the finding at the client', delays(killed, labs.deaths)],
    [`received by each of ${LABS} Labs`, `${messages} messages, ${mebibytes(bytes)}`],
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

/** Enough capacity: nodes are not what is measured. */
function configOf(namespace: string, kubeconfig: string): object {
  return {
    namespace,
    prepare: true,
    volumes: [{ name: 'catalogues', mountPath: '/data', source: { hostPath: '/catalogues' } }],
    installation: 'scale',
    connection: { kubeconfig },
    image: { name: 'aglais.invalid/none:1', pullPolicy: 'Never' },
    placement: {
      nodeSelector: { [SIMULATED]: namespace },
      tolerations: [{ key: SIMULATED, operator: 'Exists' }]
    },
    capacity: { memoryMiB: 16_000_000, largestNode: { memoryMiB: 16_000_000, cores: 10_000 } }
  };
}

/** The process that simulates node, drivers and executors. */
class Simulator {
  constructor(private readonly child: ChildProcess) {
    this.onReport(({ failed }) => failed !== undefined && console.error(failed));
  }

  onReport(listener: (report: Report) => void): void {
    this.child.on('message', listener);
  }

  send(command: Command): void {
    this.child.send(command);
  }

  async waitFor(what: (report: Report) => unknown): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.onReport(report => what(report) && resolve());
      this.child.once('exit', code =>
        reject(new Error(`The simulator ended with exit code ${code}.`))
      );
    });
  }

  async end(): Promise<void> {
    if (this.child.exitCode !== null) return;
    const ended = this.waitFor(({ ended: over }) => over).catch(() => undefined);
    this.send({ end: true });
    await Promise.race([ended, sleep(TIMEOUT_MS)]);
    this.child.kill();
  }
}

/** @param evenIfNot continues after a minute: the report shows what is missing */
async function until(what: string, isSo: () => boolean, evenIfNot = false): Promise<void> {
  const deadline = Date.now() + TIMEOUT_MS;
  while (!isSo()) {
    if (Date.now() > deadline && evenIfNot) return;
    if (Date.now() > deadline) throw new Error(`Timed out waiting until ${what}.`);
    await sleep(20);
  }
}

function formatUsage({ cpu, receivedKiBs, eventLoopP99Ms }: Usage): string {
  const load = `${cpu.toFixed(0)} % of one core`;
  return `${load}, ${receivedKiBs.toFixed(0)} KiB/s from the API server, event loop p99 ${eventLoopP99Ms.toFixed(0)} ms`;
}

function delays(from: ReadonlyMap<string, number>, to: ReadonlyMap<string, number>): string {
  const all = [...from].flatMap(([key, at]) => (to.has(key) ? [to.get(key)! - at] : []));
  return `median ${percentile(all, 0.5)} ms, p95 ${percentile(all, 0.95)} ms; ${all.length} of ${from.size} seen`;
}

const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
