import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { diagnoseFiles } from '@aglais/diagnosis';
import type { Cluster, Endpoint, Finding, LocatedFinding, Shape } from '@aglais/protocol';
import { expect } from '@jest/globals';
import {
  CoreV1Api,
  KubeConfig,
  SchedulingV1Api,
  type CoreV1Event,
  type V1Pod
} from '@kubernetes/client-node';
import { pino } from 'pino';
import { podSize } from '../../src/launchers/kubernetes/capacity/node-capacity.js';
import { ListWatch } from '../../src/launchers/kubernetes/api/list-watch.js';
import { startPython, type PythonRun } from '../support/connect.js';
import { openNotebook, type Notebook } from '../support/notebook.js';
import { eventually, serve, temporaryDirectory, type TestServer } from '../support/server.js';
import { podsEnvironment } from './pods-environment.js';

const checkout = resolve(import.meta.dirname, '../../..');

/** A server whose clusters are pods in a namespace of its own, and the actions of a notebook. */
export interface StoryRoom {
  namespace: string;
  core: CoreV1Api;
  server: TestServer;
  /** A notebook with its own kernel, which requests Spark when it needs it. */
  notebook(): Promise<Notebook>;
  /** The live cluster of a notebook. */
  clusterOf(notebook: Notebook): Promise<string>;
  /** Requests Spark as a kernel does, and waits until it is ready; returns the id of the cluster. */
  spark(kernel: string, shape?: Shape): Promise<string>;
  /** Runs a cell as a kernel does: reported before and after, each of its jobs tagged. */
  cell(cluster: string, cell: string, code: string): Promise<PythonRun>;
  /** The output of a cell that succeeds. */
  prints(cluster: string, cell: string, code: string): Promise<string>;
  /**
   * Waits for the finding with these texts: it may be published before everything is known. On failure it lists the
   * existing ones.
   * @param id `code:scope`, the id of findings (diagnosis)
   */
  found(cluster: string, id: string, words?: RegExp): Promise<Finding>;
  findings(cluster: string): Promise<Finding[]>;
  /**
   * Stops the cluster, and compares the live findings with those from its directory.
   * @param name of its directory in the corpus, if it is recorded
   */
  stop(cluster: string, name?: string): Promise<void>;
  /** The same for a cluster that ended by itself. */
  compare(cluster: string, name?: string): Promise<void>;
  executors(cluster: string): Promise<V1Pod[]>;
  driver(cluster: string): Promise<V1Pod>;
  /** A pod of another application. @param priority our clusters have 0, like all pods without a class */
  stranger(name: string, priority: number, memoryMiB: number): Promise<() => Promise<void>>;
  /** Memory of the node that is not requested. */
  freeMiB(): Promise<number>;
  close(): Promise<void>;
}

/**
 * @param config differences from the default; AGLAIS_RECORD names a directory in which evidence is kept
 * (diagnosis/test/corpus/kubernetes)
 */
export async function openStoryRoom(
  config: object = {},
  environment: Record<string, string> = {}
): Promise<StoryRoom> {
  const directory = temporaryDirectory();
  const namespace = `aglais-stories-${randomBytes(4).toString('hex')}`;
  const kubeconfig = process.env.AGLAIS_KUBECONFIG ?? '';
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(kubeconfig);
  const core = kubeConfig.makeApiClient(CoreV1Api);
  const scheduling = kubeConfig.makeApiClient(SchedulingV1Api);
  const classes = new Set<string>();
  const classOf = async (priority: number): Promise<string> => {
    const name = `${namespace}-${priority}`;
    if (!classes.has(name)) {
      await scheduling.createPriorityClass({ body: { metadata: { name }, value: priority } });
      classes.add(name);
    }
    return name;
  };
  const podsEnv = podsEnvironment(directory.path, namespace, {
    // Memory of other pods is not subtracted: the scheduler decides.
    capacity: { memoryMiB: 16_000 },
    ...config
  });
  cpSync(
    join(checkout, 'catalogues', 'bigsky.yaml'),
    join(directory.path, 'catalogues', 'bigsky.yaml')
  );
  await core.createNamespace({ body: { metadata: { name: namespace } } });
  const server = await serve(directory.path, {
    ...podsEnv,
    ...environment
  });
  const seen = await watch(kubeConfig, namespace);
  const runs = new Map<string, number>();
  const notebooks: Notebook[] = [];
  const children = new Set<ChildProcess>();
  const pods = async (cluster: string, role: string): Promise<V1Pod[]> => {
    const labelSelector = `aglais.org/cluster=${cluster},aglais.org/role=${role}`;
    return (await core.listNamespacedPod({ namespace, labelSelector })).items;
  };
  const findings = async (cluster: string): Promise<Finding[]> => {
    const { body } = await server.user.get<{ findings: LocatedFinding[] }>('/findings');
    return body.findings.filter(one => one.cluster === cluster).map(({ finding }) => finding);
  };
  const kept = (cluster: string, file: string) =>
    join(directory.path, 'state', 'clusters', cluster, file);
  const compare = async (cluster: string, name?: string): Promise<void> => {
    // A driver whose container never ran has written none.
    const events = [kept(cluster, 'live.jsonl')].filter(existsSync);
    const offline = await diagnoseFiles({
      eventLogs: events,
      evidence: [kept(cluster, 'evidence.jsonl')]
    });
    expect(offline.problems.count).toBe(0);
    const expected = offline.findings().map(told);
    const sorted = async () => (await findings(cluster)).map(told).sort(byId);
    // The last records are written to the database a moment after the end of the cluster is published.
    const deadline = Date.now() + 2_000;
    while (
      JSON.stringify(await sorted()) !== JSON.stringify(expected.sort(byId)) &&
      Date.now() < deadline
    )
      await sleep(100);
    expect(await sorted()).toEqual(expected.sort(byId));
    if (name !== undefined) record(cluster, name);
  };
  const record = (cluster: string, name: string): void => {
    const to = process.env.AGLAIS_RECORD;
    if (!to) return;
    const folder = join(to, name);
    mkdirSync(folder, { recursive: true });
    cpSync(kept(cluster, 'evidence.jsonl'), join(folder, 'evidence.jsonl'));
    const live = kept(cluster, 'live.jsonl');
    const events = existsSync(live) ? thinned(readFileSync(live, 'utf8')) : '';
    if (events) writeFileSync(join(folder, 'live.jsonl.gz'), gzipSync(events, { level: 9 }));
    const items = seen.of(cluster);
    const list = { apiVersion: 'v1', kind: 'List', items };
    writeFileSync(join(folder, 'kubernetes.json'), `${JSON.stringify(list, null, 1)}\n`);
  };
  const runCell: StoryRoom['cell'] = async (cluster, cell, code) => {
    const key = `${cluster} ${cell}`;
    const run = (runs.get(key) ?? 0) + 1;
    runs.set(key, run);
    const endpoint: Endpoint = await server.user.endpoint(cluster);
    const report = (outcome: string, more: object = {}) =>
      server.user.post(`/clusters/${cluster}/cell-runs`, {
        ...{ cell, run, outcome, at: Date.now() },
        ...more
      });
    await report('running');
    const python = startPython(endpoint, `spark.addTag("aglais-cell:${run}:${cell}")\n${code}`);
    children.add(python.child);
    const done = await python.ended;
    children.delete(python.child);
    const message = done.stderr.trim().split('\n').at(-1) ?? '';
    await (done.code === 0 ? report('ok') : report('error', { error: { name: 'Error', message } }));
    return done;
  };
  return {
    namespace,
    core,
    server,
    cell: runCell,
    async prints(cluster, cell, code) {
      const { code: exit, stdout, stderr } = await runCell(cluster, cell, code);
      if (exit !== 0) throw new Error(`the cell ${cell} failed: ${stderr.slice(-3_000)}`);
      return stdout.trim();
    },
    findings,
    compare,
    executors: cluster => pods(cluster, 'executor'),
    driver: async cluster => (await pods(cluster, 'driver'))[0]!,
    async notebook() {
      const notebook = await openNotebook(server);
      notebooks.push(notebook);
      return notebook;
    },
    async clusterOf({ kernel }) {
      const { body } = await server.user.get<{ clusters: Cluster[] }>('/clusters');
      const own = body.clusters.find(one => one.kernel === kernel && one.state === 'ready');
      if (!own) throw new Error(`The kernel ${kernel} has no Spark.`);
      return own.id;
    },
    async spark(kernel, shape) {
      const { id } = await server.user.request(kernel, shape);
      await server.user.until(id, 'ready');
      return id;
    },
    async found(cluster, id, words = /./) {
      const one = async () =>
        (await findings(cluster)).find(
          finding => finding.id === id && words.test(`${finding.title}. ${finding.explanation}`)
        );
      return eventually(id, one).catch(async (error: Error) => {
        const instead = JSON.stringify(await findings(cluster), null, 1);
        throw new Error(`${error.message}; there is ${instead}`, { cause: error });
      });
    },
    async stop(cluster, name) {
      await server.user.delete(`/clusters/${cluster}`);
      await server.user.until(cluster, 'stopped');
      await compare(cluster, name);
    },
    async stranger(name, priority, memoryMiB) {
      await core.createNamespacedPod({
        namespace,
        body: {
          metadata: { name },
          spec: {
            priorityClassName: await classOf(priority),
            automountServiceAccountToken: false,
            terminationGracePeriodSeconds: 0,
            containers: [
              {
                name: 'sleep',
                image: process.env.AGLAIS_PROBE_IMAGE ?? '',
                imagePullPolicy: 'IfNotPresent',
                command: ['sleep', '600'],
                resources: { requests: { cpu: '1m', memory: `${memoryMiB}Mi` } }
              }
            ]
          }
        }
      });
      return async () => {
        await core.deleteNamespacedPod({ name, namespace, gracePeriodSeconds: 0 });
      };
    },
    async freeMiB() {
      const [node] = (await core.listNode()).items;
      const allocatable = Number.parseInt(node!.status!.allocatable!['memory']!) / 1_024;
      const { items } = await core.listPodForAllNamespaces();
      const taken = items.filter(({ spec, status }) => spec?.nodeName && isLiving(status?.phase));
      return Math.floor(allocatable - taken.reduce((sum, pod) => sum + podSize(pod).memoryMiB, 0));
    },
    async close() {
      // For a failed test: a client without a driver would retry for many minutes.
      for (const child of children) child.kill();
      await Promise.all(notebooks.map(one => one.close()));
      await server.close();
      await seen.close();
      await core.deleteNamespace({ name: namespace });
      for (const name of classes) await scheduling.deletePriorityClass({ name });
      directory.remove();
    }
  };
}

/** Events without unused ones, and without JVM properties. */
function thinned(events: string): string {
  const lines = events.split('\n').flatMap(line => {
    if (
      !line ||
      /"Event":"[^"]*(?:BlockUpdated|ConnectService|ConnectSession|ConnectOperation)/.test(line)
    )
      return [];
    const event = JSON.parse(line) as Record<string, unknown>;
    for (const key of JAVAS_OWN) if (key in event) event[key] = {};
    return [JSON.stringify(event)];
  });
  return lines.map(line => `${line}\n`).join('');
}

/** Parts of SparkListenerEnvironmentUpdate. */
const JAVAS_OWN = [
  'JVM Information',
  'System Properties',
  'Classpath Entries',
  'Hadoop Properties',
  'Metrics Properties'
];

/** A finding without references: file names include the directory in one, not in the other. */
function told(finding: Finding): Finding {
  const evidence = finding.evidence.map(one => ({ ...one, ref: one.ref.split('/').at(-1)! }));
  return { ...finding, evidence };
}

const byId = (a: Finding, b: Finding) => (a.id < b.id ? -1 : 1);

/** The last state of each object in the namespace, without what depends on the machine. */
async function watch(kubeConfig: KubeConfig, namespace: string) {
  const pods = new Map<string, V1Pod>();
  const events = new Map<string, CoreV1Event>();
  const log = pino({ level: 'silent' });
  const path = (kind: string) => `/api/v1/namespaces/${namespace}/${kind}`;
  const keepPod = (pod: V1Pod) => void pods.set(pod.metadata!.uid!, pod);
  const watches = [
    new ListWatch<V1Pod>({
      kubeConfig,
      log,
      path: path('pods'),
      onChange: keepPod,
      onDelete: keepPod
    }),
    new ListWatch<CoreV1Event>({
      ...{ kubeConfig, log, path: path('events') },
      onChange: event => void events.set(event.metadata.uid!, event)
    })
  ];
  await Promise.all(watches.map(one => one.open()));
  return {
    of(cluster: string): object[] {
      const own = [...pods.values()].filter(
        ({ metadata }) => metadata?.labels?.['aglais.org/cluster'] === cluster
      );
      const uids = new Set(own.map(({ metadata }) => metadata!.uid!));
      const about = [...events.values()].filter(one => uids.has(one.involvedObject.uid ?? ''));
      return [
        ...own.map(pod => ({
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: { ...pod.metadata, managedFields: undefined },
          // Volumes would contain paths of the machine.
          spec: {
            nodeName: pod.spec?.nodeName,
            containers: pod.spec?.containers.map(({ name, image, resources }) => ({
              ...{ name, image, resources }
            }))
          },
          status: pod.status
        })),
        ...about.map(event => ({
          apiVersion: 'v1',
          kind: 'Event',
          ...event,
          metadata: { ...event.metadata, managedFields: undefined }
        }))
      ];
    },
    close: () => Promise.all(watches.map(one => one.close()))
  };
}

const isLiving = (phase?: string) => phase !== 'Succeeded' && phase !== 'Failed';
