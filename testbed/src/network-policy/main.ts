import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import {
  CoreV1Api,
  KubeConfig,
  type KubernetesObject,
  type KubernetesListObject,
  makeInformer,
  NetworkingV1Api
} from '@kubernetes/client-node';
import { ruleset } from './ruleset.js';

/**
 * node main.js KUBECONFIG ADDRESSES READY: keeps the machine's packet filter in sync with the cluster's network
 * policies. READY is written when the first rules are in effect. The common controllers are not available as Go
 * modules, or need more kernel features.
 */
const [kubeconfig = '', all = '', ready = ''] = process.argv.slice(2);
/** Changes are applied in batches. */
const SETTLE_MS = 20;
const RETRY_MS = 500;

const config = new KubeConfig();
config.loadFromFile(kubeconfig);
const core = config.makeApiClient(CoreV1Api);
const networking = config.makeApiClient(NetworkingV1Api);

let applied = '';
let due: NodeJS.Timeout | null = null;
const pods = follow('/api/v1/pods', () => core.listPodForAllNamespaces());
const namespaces = follow('/api/v1/namespaces', () => core.listNamespace());
const policies = follow('/apis/networking.k8s.io/v1/networkpolicies', () =>
  networking.listNetworkPolicyForAllNamespaces()
);
await Promise.all([pods, namespaces, policies].map(source => source.start()));
apply();
writeFileSync(ready, `${process.pid}\n`);

function follow<T extends KubernetesObject>(
  path: string,
  list: () => Promise<KubernetesListObject<T>>
) {
  const informer = makeInformer<T>(config, path, list);
  informer.on('change', schedule);
  informer.on('delete', schedule);
  // An informer stops on errors; it starts again when the API server is back.
  informer.on('error', () => setTimeout(restart, RETRY_MS));
  function restart() {
    informer.start().then(schedule, () => setTimeout(restart, RETRY_MS));
  }
  return informer;
}

function schedule(): void {
  due ??= setTimeout(() => {
    due = null;
    apply();
  }, SETTLE_MS);
}

function apply(): void {
  const text = ruleset({
    pods: pods.list(),
    namespaces: namespaces.list(),
    policies: policies.list(),
    all
  });
  if (text === applied) return;
  const result = spawnSync('nft', ['-f', '-'], { input: text, encoding: 'utf8' });
  if (result.status === 0) {
    applied = text;
    return;
  }
  console.error(`nft refused the rules: ${result.stderr ?? result.error?.message}\n${text}`);
  setTimeout(schedule, RETRY_MS);
}
