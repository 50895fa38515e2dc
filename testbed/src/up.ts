import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { KubeConfig, CoreV1Api } from '@kubernetes/client-node';
import { type DebianPrograms, unpackDebian } from './binaries/debian.js';
import { buildKube } from './binaries/kube.js';
import { buildObjectStore } from './binaries/object-store.js';
import { checkout, directories } from './directories.js';
import { output, Progress, TestbedError } from './execution.js';
import { makeProbeImage, PROBE_IMAGE } from './images/probe-image.js';
import { makeSparkImage, s3aJars } from './images/spark-image.js';
import { clear } from './down.js';
import { makeCertificates } from './node/certificates.js';
import { makeCgroups, removeCgroups } from './node/cgroups.js';
import {
  CGROUP_ROOT,
  configurationFiles,
  programArguments,
  type ProgramName
} from './node/configuration.js';
import { answers, importImage } from './node/containers.js';
import { collision, makeAddress, mayLowerOomScore, saveSysctls } from './node/host.js';
import { type Layout, layoutOf } from './node/layout.js';
import { type Network, networkOf, NODE_NAME } from './node/network.js';
import { claim, isWhole, owner, settle } from './node/ownership.js';
import { start, stop, until } from './node/processes.js';
import { readVersions } from './versions.js';

const START_MS = 120_000;
/** A node status that is older may be from a previous run. */
const FRESH_MS = 30_000;

/** Facts about the running testbed; written when it is up. */
export interface Facts {
  kubeconfig: string;
  sparkImage: string;
  probeImage: string;
  /** A directory of the node with the sample catalogue, for hostPath volumes. */
  catalogues: string;
  /** An S3 server that tests may start, and the jars with which Spark uses one. */
  objectStore: string;
  s3aJars: string;
  /** The directory of `kubectl` and `ctr`. */
  programs: string[];
  kubernetes: string;
}

/** Why this machine cannot run a testbed, or null. */
export function obstacle(): string | null {
  if (process.platform !== 'linux') return 'it needs Linux';
  if (process.getuid?.() !== 0) return 'it needs root, for containers, cgroups and network devices';
  if (!output('which', ['apt-get']))
    return 'it takes containerd from Debian packages, and there is no apt-get';
  for (const program of ['ip', 'tar', 'unshare', 'chroot', 'umount'])
    if (!output('which', [program])) return `the program ${program} is missing`;
  if (!/\boverlay$/m.test(readFileSync('/proc/filesystems', 'utf8')))
    return 'the kernel has no overlay file system';
  if (output('unshare', ['--mount', '--net', 'true']) === null)
    return 'name spaces for mounts and networks may not be made here';
  try {
    makeCgroups();
    if (!owner()) removeCgroups();
  } catch {
    return `cgroups may not be made here (${CGROUP_ROOT})`;
  }
  return null;
}

/** Builds what is missing and starts the cluster; returns its facts. */
export async function up(): Promise<Facts> {
  const progress = new Progress();
  const where = directories();
  const layout = layoutOf(where.state);
  const prefix = process.env.AGLAIS_TESTBED_NETWORK ?? '10.97';
  const network = networkOf(prefix);
  const reason = obstacle();
  if (reason)
    throw new TestbedError(`The testbed cannot be brought up on this machine: ${reason}.`);
  const before = claim(where.state, prefix);
  try {
    mkdirSync(where.cache, { recursive: true });
    const versions = readVersions();
    const debian = await unpackDebian(where.cache, progress);
    const programs = await buildKube(versions, where.cache, progress);
    const env = { ...debian.env, PATH: `${programs}:${debian.env.PATH ?? ''}` };
    const spark = await makeSparkImage(versions, debian.root, where.cache, progress);
    if (before?.state === where.state && isWhole(before) && existsSync(layout.facts)) {
      const facts = JSON.parse(readFileSync(layout.facts, 'utf8')) as Facts;
      progress.say('The testbed is up already.');
      if (facts.sparkImage !== spark.reference) {
        await importImage(layout, env, spark.reference, spark.layout);
        facts.sparkImage = spark.reference;
        writeFacts(layout, facts);
        progress.say('Its Spark image is now that of this checkout.');
      }
      return facts;
    }
    const probe = await makeProbeImage(debian.root, where.cache);
    const objectStore = await buildObjectStore(versions, where.cache, progress);
    progress.say('Everything is built.');
    if (before) {
      progress.say('A testbed that was not taken down is cleared away.');
      await clear(layoutOf(before.state), networkOf(before.network), debian.env);
    }
    const trouble = collision(network, debian.env);
    if (trouble) throw new TestbedError(trouble);
    await startNode(layout, network, debian, programs, env, progress, async () => {
      await importImage(layout, env, PROBE_IMAGE, probe);
      if (await importImage(layout, env, spark.reference, spark.layout))
        progress.say('The Spark image is in.');
    });
    const facts: Facts = {
      kubeconfig: layout.kubeconfig,
      sparkImage: spark.reference,
      probeImage: PROBE_IMAGE,
      catalogues: where.catalogues,
      objectStore,
      s3aJars: await s3aJars(where.cache, progress),
      programs: [programs, join(debian.root, 'usr', 'bin')],
      kubernetes: versions.kubernetes
    };
    writeFacts(layout, facts);
    progress.say(`Kubernetes ${versions.kubernetes} is up.`);
    return facts;
  } finally {
    settle(where.state, prefix);
  }
}

function writeFacts(layout: Layout, facts: Facts): void {
  writeFileSync(layout.facts, `${JSON.stringify(facts, null, 2)}\n`);
}

async function startNode(
  layout: Layout,
  network: Network,
  debian: DebianPrograms,
  programs: string,
  env: NodeJS.ProcessEnv,
  progress: Progress,
  importImages: () => Promise<void>
): Promise<void> {
  for (const path of [layout.etcd, layout.pki, layout.kubeconfig, layout.logs])
    rmSync(path, { recursive: true, force: true });
  mkdirSync(layout.etcd, { recursive: true, mode: 0o700 });
  mkdirSync(layout.logs, { recursive: true });
  saveSysctls(layout);
  makeCgroups();
  makeAddress(network);
  const administrator = await makeCertificates(layout.pki, network);
  const host = {
    programs: debian.root,
    mayLowerOomScore: mayLowerOomScore(readFileSync('/proc/self/status', 'utf8'))
  };
  for (const [name, text] of Object.entries(configurationFiles(layout, network, host))) {
    const path = join(layout.configuration, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  const run = (name: ProgramName) =>
    startProgram(layout, network, programs, debian.root, env, name);
  for (const name of ['containerd', 'etcd', 'kube-apiserver'] as const) run(name);
  await until('containerd', layout, ['containerd'], START_MS, () => answers(layout, env));
  const importing = importImages();
  // Awaited below; until then a failure must not be an unhandled rejection.
  importing.catch(() => undefined);
  const config = new KubeConfig();
  config.loadFromString(administrator);
  const api = config.makeApiClient(CoreV1Api);
  await until('The API server', layout, ['etcd', 'kube-apiserver'], START_MS, () =>
    succeeds(() => api.readNamespace({ name: 'kube-system' }))
  );
  progress.say('The API server answers.');
  for (const name of [
    'kube-controller-manager',
    'kube-scheduler',
    'kubelet',
    'kube-proxy'
  ] as const)
    run(name);
  allowDns(layout, env);
  run('coredns');
  startPolicies(layout, network, env);
  const all = [
    'containerd',
    'kube-apiserver',
    'kubelet',
    'kube-proxy',
    'kube-scheduler',
    'coredns'
  ];
  await until('The node', layout, all, START_MS, async () => {
    const node = await api.readNode({ name: NODE_NAME }).catch(() => null);
    const ready = node?.status?.conditions?.find(condition => condition.type === 'Ready');
    const heard = ready?.lastHeartbeatTime?.getTime() ?? 0;
    return ready?.status === 'True' && Date.now() - heard < FRESH_MS;
  });
  progress.say('The node is ready.');
  await until('Service accounts', layout, ['kube-controller-manager'], START_MS, () =>
    succeeds(() => api.readNamespacedServiceAccount({ name: 'default', namespace: 'default' }))
  );
  await until('The rules of network policies', layout, ['network-policies'], START_MS, () =>
    existsSync(join(layout.state, 'network-policies.ready'))
  );
  await importing;
  // Last: once it exists, tests may use the cluster.
  writeFileSync(layout.kubeconfig, administrator, { mode: 0o600 });
}

/**
 * Kills one program of the running cluster, and starts it again.
 * @throws TestbedError if it is not one of those that can be started alone
 */
export async function restart(name: string): Promise<void> {
  const { state, cache } = directories();
  const layout = layoutOf(state);
  const owned = owner();
  if (owned?.state !== state || !existsSync(layout.facts))
    throw new TestbedError('The testbed is not up.');
  const network = networkOf(owned.network);
  if (!(name in programArguments(layout, network)))
    throw new TestbedError(`${name} is no program of the testbed.`);
  const { programs } = JSON.parse(readFileSync(layout.facts, 'utf8')) as Facts;
  const debian = await unpackDebian(cache, new Progress());
  const kube = programs[0] ?? '';
  const env = { ...debian.env, PATH: `${kube}:${debian.env.PATH ?? ''}` };
  await stop(layout, name, 'SIGKILL', 0);
  startProgram(layout, network, kube, debian.root, env, name as ProgramName);
}

/** Starts one program as `up` does. */
function startProgram(
  layout: Layout,
  network: Network,
  programs: string,
  debianRoot: string,
  env: NodeJS.ProcessEnv,
  name: ProgramName
): void {
  const path =
    name === 'containerd' ? join(debianRoot, 'usr', 'bin', 'containerd') : join(programs, name);
  start(layout, name, path, programArguments(layout, network)[name], env);
}

/** Our controller for network policies, in Node. */
function startPolicies(layout: Layout, network: Network, env: NodeJS.ProcessEnv): void {
  const ready = join(layout.state, 'network-policies.ready');
  rmSync(ready, { force: true });
  const main = join(checkout, 'testbed', 'dist', 'network-policy', 'main.js');
  const kubeconfig = join(layout.pki, 'admin.kubeconfig');
  start(layout, 'network-policies', process.execPath, [main, kubeconfig, network.all, ready], env);
}

/** Permissions of CoreDNS; the built-in role `view` has both too few and too many. */
function allowDns(layout: Layout, env: NodeJS.ProcessEnv): void {
  const metadata = { name: 'coredns' };
  const rights = (apiGroups: string[], resources: string[]) => ({
    apiGroups,
    resources,
    verbs: ['list', 'watch']
  });
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  const objects = [
    {
      apiVersion,
      kind: 'ClusterRole',
      metadata,
      rules: [
        rights([''], ['services', 'pods', 'namespaces']),
        rights(['discovery.k8s.io'], ['endpointslices'])
      ]
    },
    {
      apiVersion,
      kind: 'ClusterRoleBinding',
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'coredns' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'coredns' }]
    }
  ];
  const file = join(layout.configuration, 'dns-rights.json');
  writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
  const kubeconfig = join(layout.pki, 'admin.kubeconfig');
  if (output('kubectl', ['--kubeconfig', kubeconfig, 'apply', '-f', file], env) === null)
    throw new TestbedError('CoreDNS could not be given its rights.');
}

async function succeeds(ask: () => Promise<unknown>): Promise<boolean> {
  return ask().then(
    () => true,
    () => false
  );
}
