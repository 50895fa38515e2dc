import { type ClusterSpec, type Launcher } from '../../src/launchers/launcher.js';
import { eventually, SMALL } from '../support/server.js';
import type { KubernetesRoom } from './testbed-setting.js';

/** A small cluster without shares. */
export const specOf = (id: string, more: Partial<ClusterSpec> = {}): ClusterSpec => ({
  id,
  shape: SMALL,
  token: `only-for-${id}`,
  catalogue: [],
  ...more
});

/** What is observed of a cluster as soon as it waits for something with these words. */
export const waitsFor = (launcher: Launcher, id: string, words: RegExp) =>
  eventually(`${id} waiting for ${String(words)}`, async () => {
    const seen = await launcher.observe(id);
    return seen && words.test(seen.waitingFor ?? '') && seen;
  });

/** What is observed of a cluster as soon as it is ready. Throws if it ends before. */
export const ready = (launcher: Launcher, id: string) =>
  eventually(`${id} ready`, async () => {
    const seen = await launcher.observe(id);
    if (seen?.state === 'exited') throw new Error(seen.exit ?? 'it ended');
    return seen?.state === 'ready' && seen;
  });

/** The running pods of a cluster's executors, without those that are being deleted. */
export async function executorPods({ core, namespace }: KubernetesRoom, id: string) {
  const labelSelector = `aglais.org/cluster=${id},aglais.org/role=executor`;
  const { items } = await core.listNamespacedPod({ namespace, labelSelector });
  return items.filter(
    ({ status, metadata }) => status?.phase === 'Running' && !metadata?.deletionTimestamp
  );
}
