import { fork, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { ClusterWatch } from '@aglais/server/cluster-watch';
import { ListWatch } from '@aglais/server/kubernetes/list-watch';
import { KubernetesEvidence } from '@aglais/server/launchers/kubernetes/evidence/pod-evidence';
import { CoreV1Api, KubeConfig, type V1Pod } from '@kubernetes/client-node';
import { pino } from 'pino';
import { percentile, printTable, seconds } from '../figures.js';
import type { Order, Told } from './hand.js';

const EXECUTORS = 4;
const KILLS_A_SECOND = 10;
const QUIET_MS = 15_000;
const PATIENCE_MS = 30_000;
const log = pino({ level: 'warn' });

/**
 * Clusters by hundreds on a real API server (pods that no node runs, their statuses written by hand) and what one server
 * needs to watch, record and diagnose them all. `AGLAIS_KUBECONFIG` names the cluster, `AGLAIS_BENCH_CLUSTERS` how many.
 */
export async function benchKubernetesScale(): Promise<void> {
  const file = process.env['AGLAIS_KUBECONFIG'];
  if (!file) return console.log('\nKubernetes, scale: left out, AGLAIS_KUBECONFIG is not set');
  const clusters = Number(process.env['AGLAIS_BENCH_CLUSTERS'] ?? 300);
  const config = new KubeConfig();
  config.loadFromFile(file);
  const namespace = `aglais-scale-${Date.now().toString(36)}`;
  const directory = await mkdtemp(join(tmpdir(), 'aglais-scale-'));
  const api = config.makeApiClient(CoreV1Api);
  await api.createNamespace({ body: { metadata: { name: namespace } } });
  const hand = fork(join(import.meta.dirname, 'hand.js'), [file, namespace]);
  try {
    const { madeMs } = await order(hand, { make: { clusters, executors: EXECUTORS } }, 'madeMs');
    const rows = await measure(config, namespace, directory, hand, clusters);
    const pods = `${clusters * (EXECUTORS + 1)} in ${seconds(madeMs!)}`;
    printTable(`Kubernetes: ${clusters} clusters of ${EXECUTORS} executors, one server`, [
      ['pods made by hand', pods],
      ...rows
    ]);
  } finally {
    hand.kill();
    await api.deleteCollectionNamespacedPod({ namespace, gracePeriodSeconds: 0 });
    await api.deleteNamespace({ name: namespace });
    await rm(directory, { recursive: true });
  }
}

async function measure(
  config: KubeConfig,
  namespace: string,
  directory: string,
  hand: ChildProcess,
  clusters: number
): Promise<string[][]> {
  const before = process.memoryUsage().rss;
  const evidence = new KubernetesEvidence({ directory, log });
  const first = await openWatch(config, namespace, evidence);
  const seen = new Map<string, number>();
  const watches = followAll(evidence, [...first.pods.items.values()], pod => {
    if (!seen.has(pod)) seen.set(pod, Date.now());
  });
  await sleep(3_000);
  const quiet = await usage(QUIET_MS, first.pods);
  const killed = new Map<string, number>();
  hand.on('message', ({ killed: one }: Told) => one && killed.set(one.pod, one.at));
  hand.send({ kill: { clusters, aSecond: KILLS_A_SECOND } } satisfies Order);
  const busy = await usage((clusters / KILLS_A_SECOND) * 1000, first.pods);
  const deadline = Date.now() + PATIENCE_MS;
  while ((killed.size < clusters || seen.size < clusters) && Date.now() < deadline) await sleep(50);
  const memory = process.memoryUsage().rss - before;
  await first.pods.close();
  const again = await openWatch(config, namespace, evidence);
  const { lists, bytes } = again.pods.traffic;
  await again.pods.close();
  await Promise.all(watches.map(watch => watch.close(true)));
  await evidence.close();
  const delays = [...killed].flatMap(([pod, at]) => (seen.has(pod) ? [seen.get(pod)! - at] : []));
  const words = ({ cpu, kibPerSecond }: Usage) =>
    `${cpu.toFixed(1)} % of one core, ${kibPerSecond.toFixed(1)} KiB/s from the API server`;
  return [
    ['first list', seconds(first.ms)],
    ['memory for all of them', `${(memory / 2 ** 20).toFixed(0)} MiB`],
    ['at rest', words(quiet)],
    [`${KILLS_A_SECOND} executors killed a second`, words(busy)],
    [
      'from the kill to its finding',
      `median ${percentile(delays, 0.5)} ms, p95 ${percentile(delays, 0.95)} ms; ${delays.length} of ${clusters} told`
    ],
    ['after a restart', `${lists} list, ${(bytes / 2 ** 20).toFixed(1)} MiB, ${seconds(again.ms)}`]
  ];
}

async function openWatch(config: KubeConfig, namespace: string, evidence: KubernetesEvidence) {
  const pods = new ListWatch<V1Pod>({
    config,
    path: `/api/v1/namespaces/${namespace}/pods`,
    labelSelector: 'aglais.org/installation=scale',
    log,
    onChange: pod => evidence.pod(clusterOf(pod), pod)
  });
  const at = performance.now();
  await pods.open();
  return { pods, ms: performance.now() - at };
}

/** As the server does for each cluster; `onEnd` is told the pods whose ends a finding names. */
function followAll(
  evidence: KubernetesEvidence,
  pods: readonly V1Pod[],
  onEnd: (pod: string) => void
): ClusterWatch[] {
  return [...new Set(pods.map(clusterOf))].map(
    id =>
      new ClusterWatch(
        evidence,
        { id, kernel: id, notebook: id },
        {
          onResources: () => undefined,
          onCellRun: () => undefined,
          onWithdrawn: () => undefined,
          onFinding: finding => finding.evidence.forEach(({ ref }) => onEnd(podIn(ref)))
        },
        error => log.error(error)
      )
  );
}

const clusterOf = (pod: V1Pod) => pod.metadata!.labels!['aglais.org/cluster']!;

/** The reference of an end names the pod and its container. */
const podIn = (ref: string) => /(\S+)\/[^/\s]+, exit code/.exec(ref)?.[1] ?? '';

interface Usage {
  /** Percent of one core. */
  cpu: number;
  kibPerSecond: number;
}

async function usage(ms: number, { traffic }: ListWatch<V1Pod>): Promise<Usage> {
  const cpu = process.cpuUsage();
  const { bytes } = traffic;
  const at = performance.now();
  await sleep(ms);
  const { user, system } = process.cpuUsage(cpu);
  const elapsed = performance.now() - at;
  return {
    cpu: ((user + system) / 1000 / elapsed) * 100,
    kibPerSecond: (traffic.bytes - bytes) / 1024 / (elapsed / 1000)
  };
}

function order(hand: ChildProcess, what: Order, key: keyof Told): Promise<Told> {
  return new Promise((resolve, reject) => {
    const take = (told: Told): void => {
      if (told.failed !== undefined) reject(new Error(told.failed));
      if (told[key] === undefined) return;
      hand.off('message', take);
      resolve(told);
    };
    hand.on('message', take);
    hand.send(what);
  });
}
