import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CoreV1Api,
  Exec,
  KubeConfig,
  NetworkingV1Api,
  RbacAuthorizationV1Api
} from '@kubernetes/client-node';
import { pino } from 'pino';
import type { EventLogArchive } from '../../src/launchers/kubernetes/archive/event-log-archive.js';
import { ClusterApi } from '../../src/launchers/kubernetes/api/cluster-api.js';
import { KubernetesEvidence } from '../../src/launchers/kubernetes/evidence/kubernetes-evidence.js';
import { KubernetesLauncher } from '../../src/launchers/kubernetes/kubernetes-launcher.js';
import { KubernetesConfig } from '../../src/launchers/kubernetes/kubernetes-config.js';
import {
  NOTEBOOK_CLUSTER_RULES,
  NOTEBOOK_RULES,
  SERVER_CLUSTER_RULES,
  SERVER_RULES
} from '../../src/launchers/kubernetes/objects/rbac.js';
import type { MachineRoom } from '../launcher.contract.js';
import { temporaryDirectory } from '../support/server.js';

function required(name: string): string {
  const value = process.env[name];
  if (!value)
    throw new Error(`${name} is not set; these tests are started by npm run test:kubernetes.`);
  return value;
}

/** A namespace for the test on the given Kubernetes, and launchers for it. */
export interface KubernetesRoom extends MachineRoom {
  namespace: string;
  /** The server's copy of the drivers' files, with one directory per cluster. */
  clusters: string;
  core: CoreV1Api;
  /** The API server's responses to the calls of a launcher, one by one. */
  calls: ClusterApi;
  config: KubernetesConfig;
  /** A launcher with another configuration, and the archive of its event logs, if it has a bucket. */
  launcherWith(more: object, archive?: EventLogArchive): KubernetesLauncher;
}

/** @param level the Pod Security Standard that the namespace enforces */
export async function openRoom(level = 'restricted'): Promise<KubernetesRoom> {
  const directory = temporaryDirectory();
  const clusters = join(directory.path, 'clusters');
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(required('AGLAIS_KUBECONFIG'));
  const core = kubeConfig.makeApiClient(CoreV1Api);
  const network = kubeConfig.makeApiClient(NetworkingV1Api);
  const namespace = `aglais-launcher-${randomBytes(4).toString('hex')}`;
  await core.createNamespace({
    body: {
      metadata: {
        name: namespace,
        labels: {
          'pod-security.kubernetes.io/enforce': level,
          'pod-security.kubernetes.io/enforce-version': 'latest'
        }
      }
    }
  });
  const config = {
    namespace,
    image: { name: required('AGLAIS_SPARK_IMAGE'), pullPolicy: 'IfNotPresent' },
    driver: { cpu: { request: '100m' } },
    executor: { cpuPerCore: 0.1 },
    stopSeconds: 10
  };
  const calls = new ClusterApi(kubeConfig, KubernetesConfig.parse(config));
  await calls.prepare(namespace);
  const server = await serverAccount(kubeConfig, namespace);
  const log = pino({ level: process.env.AGLAIS_LOG_LEVEL ?? 'error' });
  // As in one server: two must not mirror into one directory.
  const evidence = new KubernetesEvidence({ directory: clusters, log });
  const launchers: KubernetesLauncher[] = [];
  const launcherWith = (more: object, archive?: EventLogArchive): KubernetesLauncher => {
    const launcher = new KubernetesLauncher({
      kubeConfig: server.kubeConfig,
      directory: clusters,
      evidence,
      archive: archive ?? null,
      log,
      config: KubernetesConfig.parse({ ...config, ...more }),
      secretOf: (cluster, purpose) => `a secret for ${purpose} of ${cluster}`
    });
    launchers.push(launcher);
    return launcher;
  };
  const of = (id: string) => ({ namespace, labelSelector: `aglais.org/cluster=${id}` });
  const inside = (pod: string, container: string, command: string[]) =>
    execute(kubeConfig, namespace, pod, container, command);
  return {
    namespace,
    clusters,
    core,
    calls,
    config: KubernetesConfig.parse(config),
    launcher: () => launcherWith({}),
    launcherWith,
    url: /^sc:\/\/[\d.]+:15002$/,
    async drivers(id) {
      const { items } = await core.listNamespacedPod(of(id));
      return items.filter(({ metadata }) => metadata?.labels?.['aglais.org/role'] === 'driver');
    },
    async traces(id) {
      const lists = await Promise.all([
        core.listNamespacedPod(of(id)),
        core.listNamespacedConfigMap(of(id)),
        core.listNamespacedSecret(of(id)),
        core.listNamespacedService(of(id)),
        network.listNamespacedNetworkPolicy(of(id))
      ]);
      const kinds = ['pod', 'config map', 'secret', 'service', 'network policy'];
      return lists.flatMap(({ items }, index) =>
        items.map(({ metadata }) => `${kinds[index]} ${metadata?.name}`)
      );
    },
    async evidence(id) {
      const names = await readdir(join(clusters, id)).catch((): string[] => []);
      const logs = names.filter(name => /\.(jsonl|log)$/.test(name));
      return Promise.all(logs.map(name => readFile(join(clusters, id, name), 'utf8')));
    },
    async kill(id, who) {
      const java = ['sh', '-c', 'kill -9 $(pidof java)'];
      if (who === 'driver') await inside(`aglais-${id}`, 'driver', java);
      else await inside(`aglais-${id}-exec-${who.executor}`, 'spark-kubernetes-executor', java);
    },
    async limitMiB(id, executor) {
      const files = '/sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max';
      const text = await inside(`aglais-${id}-exec-${executor}`, 'spark-kubernetes-executor', [
        'sh',
        '-c',
        `cat ${files} 2> /dev/null | head -n 1`
      ]);
      return Number(text) / 2 ** 20;
    },
    async close() {
      for (const launcher of launchers) await launcher.close();
      await evidence.close();
      await server.remove();
      await core.deleteNamespace({ name: namespace });
      while (
        await core.readNamespace({ name: namespace }).then(
          () => true,
          () => false
        )
      )
        await sleep(200);
      directory.remove();
    }
  };
}

/**
 * A service account with exactly the permissions of the documentation, which the tests use as the server.
 * @param more `notebooks`: their namespace, if their memory is managed; `blind`: it may not read the nodes
 */
export async function serverAccount(
  admin: KubeConfig,
  namespace: string,
  more: { notebooks?: string; blind?: boolean; name?: string } = {}
): Promise<{ kubeConfig: KubeConfig; remove(): Promise<void> }> {
  const core = admin.makeApiClient(CoreV1Api);
  const rights = admin.makeApiClient(RbacAuthorizationV1Api);
  const { notebooks, blind = false, name = 'aglais-server' } = more;
  const wide = `${name}-${namespace}`;
  const apiGroup = 'rbac.authorization.k8s.io';
  const subjects = [{ kind: 'ServiceAccount', name, namespace }];
  await core.createNamespacedServiceAccount({ namespace, body: { metadata: { name } } });
  await rights.createNamespacedRole({
    namespace,
    body: { metadata: { name }, rules: [...SERVER_RULES] }
  });
  await rights.createNamespacedRoleBinding({
    namespace,
    body: { metadata: { name }, roleRef: { apiGroup, kind: 'Role', name }, subjects }
  });
  if (notebooks !== undefined) {
    await rights.createNamespacedRole({
      namespace: notebooks,
      body: { metadata: { name }, rules: [...NOTEBOOK_RULES] }
    });
    await rights.createNamespacedRoleBinding({
      namespace: notebooks,
      body: { metadata: { name }, roleRef: { apiGroup, kind: 'Role', name }, subjects }
    });
  }
  const rules = [
    ...(blind ? [] : SERVER_CLUSTER_RULES),
    ...(notebooks === undefined ? [] : NOTEBOOK_CLUSTER_RULES)
  ];
  await rights.createClusterRole({ body: { metadata: { name: wide }, rules } });
  await rights.createClusterRoleBinding({
    body: {
      metadata: { name: wide },
      roleRef: { apiGroup, kind: 'ClusterRole', name: wide },
      subjects
    }
  });
  const { status } = await core.createNamespacedServiceAccountToken({
    namespace,
    name,
    body: { spec: { audiences: [], expirationSeconds: 7_200 } }
  });
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromClusterAndUser(admin.getCurrentCluster()!, {
    name,
    token: status?.token ?? ''
  });
  return {
    kubeConfig,
    async remove() {
      await rights.deleteClusterRoleBinding({ name: wide });
      await rights.deleteClusterRole({ name: wide });
    }
  };
}

/** Runs a command in a container; returns its output. The launcher itself never does this. */
export async function execute(
  kubeConfig: KubeConfig,
  namespace: string,
  pod: string,
  container: string,
  command: string[]
): Promise<string> {
  let text = '';
  const out = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk);
      done();
    }
  });
  await new Promise<void>((resolve, reject) => {
    new Exec(kubeConfig)
      .exec(namespace, pod, container, command, out, out, null, false, () => resolve())
      .then(socket => socket.on('close', () => resolve()), reject);
  });
  return text;
}
