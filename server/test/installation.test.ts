import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { KubernetesObject } from '@kubernetes/client-node';
import { pino } from 'pino';
import { ClusterRows } from '../src/clusters/cluster-rows.js';
import { claimDirectory } from '../src/launchers/installation-directory.js';
import { ObjectCache } from '../src/launchers/kubernetes/api/object-cache.js';
import { ownership } from '../src/launchers/kubernetes/api/ownership.js';
import { KubernetesConfig } from '../src/launchers/kubernetes/kubernetes-config.js';
import { clusterLabels, ROLE_LABEL } from '../src/launchers/kubernetes/objects/names.js';
import { openInstallation } from '../src/store/installation.js';
import { openStore, type WholeStore } from '../src/store/store.js';
import { KubernetesLists } from './support/kubernetes-lists.js';
import { row } from './support/rows.js';
import { temporaryDirectory } from './support/server.js';

let store: WholeStore;
let directory: ReturnType<typeof temporaryDirectory>;
beforeEach(async () => {
  store = await openStore(':memory:');
  directory = temporaryDirectory();
});
afterEach(async () => {
  await store.destroy();
  directory.remove();
});

describe('An installation', () => {
  it('has one id for all of its servers, different from others', async () => {
    const opened = await Promise.all([1, 2, 3].map(() => openInstallation(store)));
    expect(new Set(opened.map(({ id }) => id)).size).toBe(1);
    const other = await openStore(':memory:');
    expect((await openInstallation(other)).id).not.toBe(opened[0]!.id);
    await other.destroy();
  });

  const cluster = (id: string) => mkdirSync(join(directory.path, id), { recursive: true });
  const strangers = /made with another database.*nothing was started.*AGLAIS_DATABASE/;

  it('marks its directory, and refuses that of another before it changes anything', async () => {
    const own = await openInstallation(store);
    await claimDirectory(directory.path, own);
    cluster('c1');
    await claimDirectory(directory.path, own);
    const other = await openStore(':memory:');
    await expect(claimDirectory(directory.path, await openInstallation(other))).rejects.toThrow(
      strangers
    );
    expect(readdirSync(directory.path).sort()).toEqual(['c1', 'installation']);
    // An empty one can be used by any installation.
    rmSync(join(directory.path, 'c1'), { recursive: true });
    await claimDirectory(directory.path, await openInstallation(other));
    await expect(claimDirectory(directory.path, own)).resolves.toBeUndefined();
    await other.destroy();
  });

  it('accepts a directory without a mark only if its database knows a cluster in it', async () => {
    cluster('c1');
    const own = await openInstallation(store);
    await expect(claimDirectory(directory.path, own)).rejects.toThrow(strangers);
    await new ClusterRows(store).insert(row({ id: 'c1' }));
    await claimDirectory(directory.path, own);
    await claimDirectory(directory.path, own);
  });
});

describe('Two installations with one name in one Kubernetes', () => {
  const base = KubernetesConfig.parse({ image: { name: 'x' }, namespace: 'spark' });
  const object = (id: string, installationId?: string, role?: string): KubernetesObject => ({
    metadata: {
      name: `aglais-${id}`,
      namespace: 'spark',
      labels: {
        ...clusterLabels(installationId ? { ...base, installationId } : base, id),
        ...(role && { [ROLE_LABEL]: role })
      }
    }
  });

  it('see only their own clusters, and those without an id that they know', async () => {
    const api = new KubernetesLists();
    const kubeConfig = await api.open();
    for (const [id, installationId] of [
      ['mine', 'a'],
      ['theirs', 'b'],
      ['old', undefined],
      ['nobodys', undefined]
    ] as const) {
      api.add('/api/v1/namespaces/spark/configmaps', object(id, installationId));
      api.add('/api/v1/namespaces/spark/pods', object(id, installationId, 'driver'));
    }
    const clustersOf = async (installationId: string, known: string[]) => {
      const config = { ...base, installationId };
      const pods: string[] = [];
      const cache = new ObjectCache({
        ...{ kubeConfig, config, log: pino({ level: 'silent' }) },
        owns: ownership(config, new Set(known)),
        onPod: id => pods.push(id),
        onEvent: () => undefined,
        onRemoved: () => undefined
      });
      await cache.open();
      const ids = cache.ids();
      await cache.close();
      expect(pods.sort()).toEqual(ids.sort());
      return ids;
    };
    expect(await clustersOf('a', ['mine', 'old'])).toEqual(['mine', 'old']);
    expect(await clustersOf('b', ['theirs'])).toEqual(['theirs']);
    await api.close();
  });
});
