import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_SHAPE, type Cluster, type Endpoint } from '@aglais/protocol';
import { ListWatch } from '@aglais/server/kubernetes/list-watch';
import { CoreV1Api, KubeConfig, RbacAuthorizationV1Api, type V1Pod } from '@kubernetes/client-node';
import { pino } from 'pino';
import { Client } from '../client.js';
import { median, printTable, seconds } from '../report.js';
import type { BenchServer } from '../installation.js';
import { BARE, barePod } from './bare-pod.js';
import { chosenKubernetes, openKubernetesServer } from './installation.js';

const ROUNDS = 3;
const ROWS = 1_000_000;
const STEP_MS = 10;
const log = pino({ level: 'error' });

/** The steps to a first result, in order, with the time when each was observed, ms after the request. */
const STEPS = ['node', 'container', 'connect', 'executor', 'result'] as const;
type Times = Record<(typeof STEPS)[number], number>;

interface Bench {
  core: CoreV1Api;
  namespace: string;
  image: string;
  client: Client;
  server: BenchServer;
  pods: Sightings;
}

/**
 * From requesting Spark on Kubernetes to the first result: with the method of Spark's documentation (a pod that runs
 * `spark-submit`), and with Aglais, with the same image, sizes and node, one after the other in each round.
 * `AGLAIS_KUBECONFIG` and `AGLAIS_SPARK_IMAGE` name the cluster and its image.
 */
export async function benchKubernetesStart(): Promise<void> {
  const chosen = chosenKubernetes();
  if (!chosen) {
    return console.log(
      '\nKubernetes, start: left out, AGLAIS_KUBECONFIG and AGLAIS_SPARK_IMAGE are not set'
    );
  }
  const server = await openKubernetesServer(chosen);
  const { core, kubeConfig, namespace, image } = server;
  await giveRights(kubeConfig, namespace);
  const client = await Client.open();
  const pods = await Sightings.open(kubeConfig, namespace);
  const bench = { core, namespace, image, client, server, pods };
  const all = { bare: [] as Times[], ours: [] as Times[] };
  try {
    // The node has read the image once, and the namespace has its service account.
    await ours(bench, 'warm');
    for (let round = 0; round < ROUNDS; round += 1) {
      all.bare.push(await bare(bench));
      all.ours.push(await ours(bench, `round-${round}`));
      process.stdout.write('.');
    }
  } finally {
    client.close();
    await pods.close();
    await server.close();
  }
  const at = (times: readonly Times[], step: keyof Times) => median(times.map(one => one[step]));
  const row = (name: string, times: readonly Times[]) => [
    name,
    ...STEPS.map(step => seconds(at(times, step))),
    (at(times, 'result') / at(all.bare, 'result')).toFixed(2)
  ];
  printTable(`Kubernetes: asked for Spark, until … was there, median of ${ROUNDS}`, [
    ['', 'a node', 'container', 'Connect', 'executor', 'first result', 'ratio'],
    row('spark-submit in a pod', all.bare),
    row('Aglais', all.ours)
  ]);
}

/** A service account as in Spark's documentation ("RBAC"): it may edit its namespace. */
async function giveRights(kubeConfig: KubeConfig, namespace: string): Promise<void> {
  const metadata = { name: BARE };
  await kubeConfig
    .makeApiClient(CoreV1Api)
    .createNamespacedServiceAccount({ namespace, body: { metadata } });
  await kubeConfig.makeApiClient(RbacAuthorizationV1Api).createNamespacedRoleBinding({
    namespace,
    body: {
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'edit' },
      subjects: [{ kind: 'ServiceAccount', name: BARE, namespace }]
    }
  });
}

async function bare({ core, namespace, image, client, pods }: Bench): Promise<Times> {
  const begun = Date.now();
  pods.forget();
  await core.createNamespacedPod({ namespace, body: barePod(namespace, image, DEFAULT_SHAPE) });
  await until(async () => {
    const address = pods.address(BARE);
    return address && answers(address);
  });
  const address = pods.address(BARE);
  const connected = Date.now();
  const { firstResultAt } = await client.run({ url: `sc://${address}:15002`, rows: ROWS });
  const times = pods.times(begun, connected, firstResultAt);
  await core.deleteNamespacedPod({ namespace, name: BARE });
  await until(() => pods.none());
  return times;
}

async function ours({ client, server, pods }: Bench, kernel: string): Promise<Times> {
  const begun = Date.now();
  pods.forget();
  const asked = { kernel, notebook: 'bench.ipynb', shape: DEFAULT_SHAPE };
  let cluster = await server.call<Cluster>('POST', '/clusters', asked);
  while (cluster.state !== 'ready') {
    if (cluster.state === 'failed') throw new Error(cluster.reason ?? 'the cluster failed');
    const query = `afterRevision=${cluster.revision}&waitMs=10000`;
    cluster = await server.call<Cluster>('GET', `/clusters/${cluster.id}?${query}`);
  }
  const { url, token, ca } = await server.call<Endpoint>('GET', `/clusters/${cluster.id}/endpoint`);
  const connected = Date.now();
  const { firstResultAt } = await client.run({ url: `${url}/;token=${token}`, ca, rows: ROWS });
  const times = pods.times(begun, connected, firstResultAt);
  await server.call('DELETE', `/clusters/${cluster.id}`);
  await until(async () => {
    const { state } = await server.call<Cluster>('GET', `/clusters/${cluster.id}`);
    return state === 'stopped' && pods.none();
  });
  return times;
}

/**
 * When each state of the pods of a namespace was first observed, ms since the epoch. Kubernetes' own times are whole
 * seconds.
 */
class Sightings {
  private readonly seen = new Map<'node' | 'container' | 'executor', number>();
  private constructor(private readonly watch: ListWatch<V1Pod>) {}

  static async open(kubeConfig: KubeConfig, namespace: string): Promise<Sightings> {
    const watch: ListWatch<V1Pod> = new ListWatch<V1Pod>({
      kubeConfig,
      log,
      path: `/api/v1/namespaces/${namespace}/pods`,
      onChange: pod => sightings.look(pod)
    });
    const sightings = new Sightings(watch);
    await watch.open();
    return sightings;
  }

  forget(): void {
    this.seen.clear();
  }

  none(): boolean {
    return this.watch.items.size === 0;
  }

  /** @throws when the pod has ended */
  address(name: string): string | undefined {
    const pod = [...this.watch.items.values()].find(({ metadata }) => metadata?.name === name);
    const { phase, podIP, containerStatuses } = pod?.status ?? {};
    if (phase === 'Failed' || phase === 'Succeeded')
      throw new Error(`The pod ${name} ended: ${JSON.stringify(containerStatuses)}`);
    return podIP;
  }

  times(begun: number, connected: number, result: number): Times {
    const since = (step: 'node' | 'container' | 'executor') =>
      (this.seen.get(step) ?? Number.NaN) - begun;
    return {
      node: since('node'),
      container: since('container'),
      connect: connected - begun,
      executor: since('executor'),
      result: result - begun
    };
  }

  async close(): Promise<void> {
    await this.watch.close();
  }

  private look({ metadata, spec, status }: V1Pod): void {
    const isExecutor = metadata?.labels?.['spark-role'] === 'executor';
    const runs = (status?.containerStatuses ?? []).some(({ state }) => state?.running);
    if (isExecutor && runs) this.first('executor');
    if (isExecutor) return;
    if (spec?.nodeName) this.first('node');
    if (runs) this.first('container');
  }

  private first(step: 'node' | 'container' | 'executor'): void {
    if (!this.seen.has(step)) this.seen.set(step, Date.now());
  }
}

async function until<T>(look: () => Promise<T> | T): Promise<NonNullable<T>> {
  for (;;) {
    const found = await look();
    if (found) return found;
    await sleep(STEP_MS);
  }
}

function answers(address: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(15_002, address);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
