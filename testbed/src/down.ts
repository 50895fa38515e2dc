import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { environmentFor } from './binaries/debian.js';
import { directories } from './directories.js';
import { Progress, TestbedError } from './execution.js';
import { removeCgroups } from './node/cgroups.js';
import { killAll, removeContainers, removeDeadSockets } from './node/containers.js';
import { removeNetwork, restoreSysctls, unmountBelow } from './node/host.js';
import { type Layout, layoutOf } from './node/layout.js';
import { type Network, networkOf } from './node/network.js';
import { claim, release } from './node/ownership.js';
import { stop } from './node/processes.js';

const GRACE_MS = 5000;

/**
 * Stops the testbed of this state directory, even an incomplete one; images are kept for the next time unless `wipe`.
 */
export async function down(wipe: boolean): Promise<void> {
  const progress = new Progress();
  const { state, cache } = directories();
  const prefix = process.env.AGLAIS_TESTBED_NETWORK ?? '10.97';
  const before = claim(state, prefix);
  const unpacked = existsSync(cache)
    ? readdirSync(cache).find(name => /^debian-[0-9a-f]{12}$/.test(name))
    : undefined;
  const env = unpacked ? environmentFor(join(cache, unpacked)) : process.env;
  const owner = before ?? { state, network: prefix };
  const left = await clear(layoutOf(owner.state), networkOf(owner.network), env);
  if (left.length > 0)
    throw new TestbedError(
      `The testbed is down, but this could not be removed:\n${left.join('\n')}\nRun the same command again.`
    );
  if (wipe) rmSync(state, { recursive: true, force: true });
  release();
  progress.say('The testbed is down.');
}

/** Stops every program and reverts every change to the machine; returns what failed. Works on any leftovers. */
export async function clear(
  layout: Layout,
  network: Network,
  env: NodeJS.ProcessEnv
): Promise<string[]> {
  // First the kubelet, which would restart pods; with SIGKILL, because on SIGTERM it only waits for them.
  await stop(layout, 'kubelet', 'SIGKILL', GRACE_MS);
  for (const name of [
    'network-policies',
    'coredns',
    'kube-proxy',
    'kube-scheduler',
    'kube-controller-manager'
  ])
    await stop(layout, name, 'SIGTERM', GRACE_MS);
  await killAll(layout);
  removeContainers(layout, env);
  // No state is kept, so nothing needs a graceful shutdown; but the API server complains for long about a lost etcd.
  for (const name of ['kube-apiserver', 'etcd']) await stop(layout, name, 'SIGKILL', GRACE_MS);
  await stop(layout, 'containerd', 'SIGTERM', GRACE_MS);
  await killAll(layout);
  removeDeadSockets();
  const mounted = unmountBelow(layout.state);
  removeNetwork(network, env);
  restoreSysctls(layout);
  const cgroups = removeCgroups();
  // containerd's own mounts are kept: they contain the images. The others belong to pods that are gone.
  for (const path of [
    layout.facts,
    layout.kubeconfig,
    layout.addresses,
    layout.etcd,
    layout.pki,
    layout.podLogs
  ])
    rmSync(path, { recursive: true, force: true });
  if (mounted.length === 0) rmSync(layout.kubelet, { recursive: true, force: true });
  return [...mounted, ...cgroups];
}
