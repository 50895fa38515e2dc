import type { ClusterOption, Problem } from '@aglais/protocol';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { ClusterRows } from '../src/clusters/cluster-rows.js';
import { Clusters } from '../src/clusters/clusters.js';
import type { ClusterSpec, Launcher, ObservedCluster } from '../src/launchers/launcher.js';
import { machineCapacity } from '../src/launchers/local/machine-capacity.js';
import { chooseOptions } from '../src/clusters/admission/options.js';
import { FindingRows } from '../src/findings/finding-rows.js';
import type { Tokens } from '../src/identity/tokens.js';
import { ProblemError } from '../src/problems.js';
import { openStore, type Store } from '../src/store/store.js';
import { Journal } from '../src/stream/journal.js';
import { LOCAL } from './support/rows.js';
import { eventually, SMALL } from './support/server.js';

const OFFERED: ClusterOption[] = [
  { name: 'gpu', title: 'One GPU', description: 'For each executor' },
  { name: 'nvme', title: 'Fast scratch', description: '' }
];
const problemOf = (action: () => unknown): Problem => {
  try {
    action();
  } catch (error) {
    if (error instanceof ProblemError) return error.toProblem();
    throw error;
  }
  throw new Error('was taken');
};

describe('Options of a cluster', () => {
  it('are the requested ones, once each, in the order in which they are offered', () => {
    expect(chooseOptions(['nvme', 'gpu', 'nvme'], [], OFFERED)).toEqual(['gpu', 'nvme']);
    expect(chooseOptions([], ['gpu'], OFFERED)).toEqual([]);
  });

  it('are the previous ones by default, as far as they are still offered', () => {
    expect(chooseOptions(undefined, ['nvme', 'taken-off'], OFFERED)).toEqual(['nvme']);
  });

  it('that are not offered are refused with a list of available ones', () => {
    expect(problemOf(() => chooseOptions(['gpu', 'tpu'], [], OFFERED))).toMatchObject({
      type: 'urn:aglais:problem:unknown-option',
      status: 409,
      detail:
        'There is no option "tpu" here. Offered are: "gpu" (One GPU), "nvme" (Fast scratch). Nothing was started or stopped.'
    });
    expect(problemOf(() => chooseOptions(['gpu'], [], [])).detail).toBe(
      'There is no option "gpu" here. This installation offers none. Nothing was started or stopped.'
    );
  });
});

describe('A cluster with options', () => {
  let store: Store;
  let clusters: Clusters;
  let started: ClusterSpec[];
  let world: Map<string, ObservedCluster>;

  const open = async (offers = OFFERED): Promise<void> => {
    const capacity = { ...machineCapacity(8_000), place: 'this place' };
    const launcher = {
      kind: 'kubernetes',
      capabilities: { resizeInPlace: LOCAL },
      offers: () => offers,
      // Only its driver and plain executors fit; executors with a GPU do not.
      capacity: (options: readonly string[] = []) =>
        Promise.resolve({
          ...capacity,
          machines: capacity.machines.map(one => ({
            ...one,
            ...(options.includes('gpu') && { takes: 'drivers' as const })
          }))
        }),
      list: () => Promise.resolve([...world.keys()]),
      observe: (id: string) => Promise.resolve(world.get(id) ?? null),
      start: (spec: ClusterSpec) => {
        started.push(spec);
        world.set(spec.id, {
          ...{ id: spec.id, state: 'starting', url: null, ca: null, exit: null },
          ...{ waitingFor: null, advice: null, shareProblems: [] }
        });
        return Promise.resolve();
      },
      stop: (id: string) => Promise.resolve(void world.delete(id)),
      follow: () => Promise.resolve(),
      replay: () => Promise.resolve(),
      forget: () => Promise.resolve()
    } satisfies Partial<Launcher> as unknown as Launcher;
    clusters = new Clusters({
      launcher,
      rows: new ClusterRows(store),
      findings: new FindingRows(store),
      journal: new Journal(),
      tokens: { forCluster: () => 'token' } as unknown as Tokens,
      catalogue: () => Promise.resolve([]),
      shares: () => Promise.resolve([]),
      defaultShape: SMALL,
      deadlines: { startMs: 60_000, idleMs: 60_000 },
      retention: { maxAgeMs: 86_400_000, perNotebook: 20 },
      log: pino({ level: 'silent' })
    });
    await clusters.open();
  };
  const ask = (kernel: string, options?: string[]) =>
    clusters.request({ kernel, notebook: 'n.ipynb', ...(options && { options }) });
  const start = (id: string) =>
    eventually('the start', () => started.find(spec => spec.id === id)?.options);

  beforeEach(async () => {
    store = await openStore(':memory:');
    started = [];
    world = new Map();
    await open();
  });
  afterEach(async () => {
    await clusters.close();
    await store.destroy();
  });

  it('is shown with them and started with them', async () => {
    const { cluster } = await ask('k1', ['nvme']);
    expect(cluster.options).toEqual(['nvme']);
    expect(await start(cluster.id)).toEqual(['nvme']);
    expect((await clusters.capacity()).options).toEqual(OFFERED);
  });

  it('keeps them when a server that was killed is restarted before its cluster was started', async () => {
    const { cluster } = await ask('k1', ['nvme']);
    await start(cluster.id);
    await clusters.close();
    // Leftovers of the killed server are gone.
    world.clear();
    started = [];
    await open();
    expect(await start(cluster.id)).toEqual(['nvme']);
    expect((await clusters.get(cluster.id)).options).toEqual(['nvme']);
  });

  it('keeps them in a restart that names none, and in the next cluster of its kernel', async () => {
    const { cluster } = await ask('k1', ['nvme']);
    await start(cluster.id);
    const again = await clusters.restart(cluster.id);
    expect(again.options).toEqual(['nvme']);
    await clusters.stop(again.id);
    await eventually('its end', async () => (await clusters.get(again.id)).state === 'stopped');
    expect((await ask('k1')).cluster.options).toEqual(['nvme']);
    expect((await ask('k2')).cluster.options).toEqual([]);
  });

  it('gets others by a restart that names them; an invalid one does not end the running cluster', async () => {
    const { cluster } = await ask('k1', ['nvme']);
    await start(cluster.id);
    for (const [options, type] of [
      [['tpu'], 'unknown-option'],
      [['gpu'], 'option-unavailable']
    ] as const) {
      await expect(clusters.restart(cluster.id, { options: [...options] })).rejects.toMatchObject({
        kind: type
      });
    }
    expect(world.has(cluster.id)).toBe(true);
    expect((await clusters.restart(cluster.id, { options: [] })).options).toEqual([]);
  });

  it('that no node has now is refused, with what is missing and a remedy', async () => {
    await expect(ask('k1', ['gpu'])).rejects.toMatchObject({
      status: 409,
      message: expect.stringMatching(
        /No machine of this place offers the requested options now: One GPU\. Nothing was started.*Choose without it/
      ) as unknown
    });
    expect(clusters.list()).toEqual([]);
  });
});
