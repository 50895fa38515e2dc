import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import { pino } from 'pino';
import { Clusters } from '../src/clusters/clusters.js';
import { ClusterRows } from '../src/clusters/cluster-rows.js';
import type { EvidenceSink } from '../src/evidence/evidence-sink.js';
import { FindingRows } from '../src/findings/finding-rows.js';
import type { Tokens } from '../src/identity/tokens.js';
import {
  TransientLauncherError,
  type Launcher,
  type ObservedCluster
} from '../src/launchers/launcher.js';
import { machineCapacity } from '../src/launchers/local/machine-capacity.js';
import type { Store } from '../src/store/store.js';
import { Journal } from '../src/stream/journal.js';
import { LOCAL } from './support/rows.js';
import { eventually, SMALL } from './support/server.js';

const SOON_MS = 10_000;

/** Requirements that hold whatever one cluster does to the server; the same for every database. */
export function reconcilerContract(openStore: () => Promise<Store>): void {
  let store: Store;
  let journal: Journal;
  let clusters: Clusters;
  let world: Map<string, ObservedCluster>;
  let sinks: Map<string, EvidenceSink>;
  /** What a call to the launcher does before its own work; a call that never resolves hangs. */
  let before: (call: string, id: string) => Promise<void>;
  let calls: string[];
  let memoryMiB: number;

  const observed = (id: string, state: ObservedCluster['state']): ObservedCluster => ({
    ...{ id, state, url: state === 'ready' ? 'sc://localhost:1' : null, ca: null },
    ...{ waitingFor: null, advice: null, shareProblems: [] },
    exit: state === 'exited' ? 'It was killed.' : null
  });

  const launcher = {
    kind: 'local' as const,
    capabilities: { resizeInPlace: LOCAL },
    offers: () => [],
    capacity: () => Promise.resolve(machineCapacity(memoryMiB)),
    observe: async id => {
      await before('observe', id);
      return world.get(id) ?? null;
    },
    list: () => Promise.resolve([...world.keys()]),
    start: async ({ id }) => {
      calls.push(`start ${id}`);
      await before('start', id);
      world.set(id, observed(id, 'ready'));
    },
    stop: async id => {
      calls.push(`stop ${id}`);
      await before('stop', id);
      world.delete(id);
    },
    follow: (id, sink, signal) =>
      new Promise(resolve => {
        sinks.set(id, sink);
        signal.addEventListener('abort', () => resolve());
      }),
    replay: () => Promise.resolve(),
    record: () => Promise.resolve(),
    forget: () => Promise.resolve(),
    close: () => Promise.resolve()
  } satisfies Partial<Launcher> as unknown as Launcher;

  const open = async (spares = 0) => {
    journal = new Journal();
    clusters = new Clusters({
      ...{ launcher, journal },
      rows: new ClusterRows(store),
      findings: new FindingRows(store),
      tokens: { forCluster: () => 'token' } as unknown as Tokens,
      catalogue: () => Promise.resolve([]),
      shares: () => Promise.resolve([]),
      defaultShape: SMALL,
      deadlines: { startMs: 60_000, idleMs: 600_000 },
      retention: { maxAgeMs: 86_400_000, perNotebook: 20 },
      spares: {
        targets: [{ shape: SMALL, count: spares }],
        waitForJupyter: false,
        waitForQuiet: false
      },
      log: pino({ level: 'silent' })
    });
    await clusters.open();
  };
  const request = async (kernel: string) =>
    (await clusters.request({ kernel, notebook: `${kernel}.ipynb` })).cluster.id;
  const state = (id: string) => journal.clusters.get(id)?.state;
  const until = (id: string, wanted: string) =>
    eventually(`${id} ${wanted}`, () => state(id) === wanted, SOON_MS);
  const ready = async (kernel: string) => {
    const id = await request(kernel);
    await until(id, 'ready');
    await eventually('its evidence', () => sinks.has(id));
    return id;
  };
  const runCell = (id: string, run: number, outcome = 'ok') => {
    const cell = { kind: 'cell', cell: 'c', run, outcome, at: Date.now() } as const;
    sinks
      .get(id)!
      .evidenceLine(JSON.stringify({ ...cell, outcome: 'running' }), 'evidence.jsonl:1');
    sinks.get(id)!.evidenceLine(JSON.stringify(cell), 'evidence.jsonl:2');
  };

  beforeEach(async () => {
    store = await openStore();
    world = new Map();
    sinks = new Map();
    calls = [];
    memoryMiB = 1_000_000;
    before = () => Promise.resolve();
    await open();
  });
  afterEach(async () => {
    before = () => Promise.resolve();
    await clusters.close();
    await store.destroy();
  });

  it("a stop that hangs delays no other cluster's report of an exit", async () => {
    const [hangs, dies] = [await ready('a'), await ready('b')];
    let release = () => {};
    before = (call, id) =>
      call === 'stop' && id === hangs
        ? new Promise(resolve => (release = resolve))
        : Promise.resolve();
    await clusters.stop(hangs);
    await eventually('the stop', () => calls.includes(`stop ${hangs}`));
    world.set(dies, observed(dies, 'exited'));
    await until(dies, 'failed');
    expect(state(hangs)).toBe('stopping');
    expect(journal.clusters.get(dies)?.reason).toBe('It was killed.');
    release();
    await until(hangs, 'stopped');
  });

  it('a cluster that cannot be observed delays no other one', async () => {
    const [hangs, other] = [await ready('a'), await ready('b')];
    let release = () => {};
    const hung = new Promise<void>(resolve => (release = resolve));
    before = (call, id) => (call === 'observe' && id === hangs ? hung : Promise.resolve());
    await clusters.stop(other);
    await until(other, 'stopped');
    release();
  });

  it('calls that are refused are repeated with back-off, and the start continues when they no longer are', async () => {
    let refused = true;
    before = async call => {
      if (call === 'start' && refused) throw new TransientLauncherError('429: slow down', null);
    };
    const id = await request('a');
    await new Promise(resolve => setTimeout(resolve, 2_000));
    const starts = calls.filter(call => call === `start ${id}`).length;
    expect(starts).toBeGreaterThan(1);
    expect(starts).toBeLessThan(8);
    refused = false;
    await until(id, 'ready');
  });

  it('a start that is refused permanently fails with the reason, and once', async () => {
    before = async call => {
      if (call === 'start') throw new Error('the quota of the namespace is used up');
    };
    const id = await request('a');
    await until(id, 'failed');
    expect(journal.clusters.get(id)?.reason).toMatch(/could not be started: the quota/);
    await new Promise(resolve => setTimeout(resolve, 300));
    expect(calls.filter(call => call === `start ${id}`)).toHaveLength(1);
  });

  it('a record that the database refuses permanently quarantines its cluster, which shows a warning, and all others continue', async () => {
    const [bad, good] = [await ready('a'), await ready('b')];
    await refuseCellRunsOf(store, bad);
    runCell(bad, 1);
    runCell(good, 1);
    await eventually('the warning', () => journal.clusters.get(bad)?.warnings[0], SOON_MS);
    expect(journal.clusters.get(bad)?.warnings[0]).toMatch(
      /database refused .* Spark is not affected/
    );
    expect(journal.clusters.get(good)?.warnings).toEqual([]);
    const quarantined = clusters.metrics().find(({ name }) => name.includes('quarantined'));
    expect(quarantined?.read()).toBe(1);
    // Both can still be stopped, and the end of the other one is complete.
    await Promise.all([clusters.stop(bad), clusters.stop(good)]);
    await until(good, 'stopped');
    await until(bad, 'stopped');
    const saved = await new FindingRows(store).cellRunsOf([bad, good]);
    expect(saved.map(({ cluster, outcome }) => [cluster, outcome])).toEqual([[good, 'ok']]);
  });

  it('a refused record does not prevent the next server from reconciling all clusters', async () => {
    const [bad, good] = [await ready('a'), await ready('b')];
    await refuseCellRunsOf(store, bad);
    runCell(bad, 1);
    await clusters.close();
    sinks.clear();
    await open();
    await eventually('their evidence', () => sinks.has(bad) && sinks.has(good), SOON_MS);
    runCell(bad, 1);
    world.set(good, observed(good, 'exited'));
    await until(good, 'failed');
    expect(state(bad)).toBe('ready');
  });

  it('a cluster with an invalid row fails alone', async () => {
    const [broken, good] = [await ready('a'), await ready('b')];
    await store
      .updateTable('clusters')
      .set({ shape: '{"broken"' })
      .where('id', '=', broken)
      .execute();
    world.set(good, observed(good, 'exited'));
    await until(good, 'failed');
    // And others are admitted.
    await ready('c');
  });

  it('many restarts of one cluster run one step at a time', async () => {
    let id = await ready('a');
    for (let n = 0; n < 5; n += 1) id = (await clusters.restart(id)).id;
    await until(id, 'ready');
    const depth = clusters.metrics().find(({ name }) => name.includes('queue_depth'));
    expect(depth?.read()).toBe(1);
    expect([...world.keys()]).toEqual([id]);
  });

  it('the shutdown of the server limits the wait for clusters that do not stop', async () => {
    const id = await ready('a');
    let release = () => {};
    before = call =>
      call === 'stop' ? new Promise(resolve => (release = resolve)) : Promise.resolve();
    const began = performance.now();
    expect(await clusters.stopAll('Aglais ends.', 300)).toEqual([id]);
    expect(performance.now() - began).toBeLessThan(5_000);
    release();
  });

  const spare = () =>
    [...journal.clusters.values()].find(one => one.spare && one.state === 'ready');

  it('a spare is handed to one of those who ask at the same moment, and replaced', async () => {
    await clusters.close();
    await open(1);
    const { id } = await eventually('a spare', spare, SOON_MS);
    expect((await clusters.capacity()).grantedMiB).toBe(0);
    const asked = ['a', 'b', 'c'].map(kernel =>
      clusters.request({ kernel, notebook: `${kernel}.ipynb` })
    );
    const given = (await Promise.all(asked)).map(({ cluster }) => cluster);
    const [adopted, ...others] = given.filter(cluster => cluster.id === id);
    expect(others).toEqual([]);
    expect(adopted).toMatchObject({ spare: false, state: 'ready' });
    expect(adopted!.notebook).toBe(`${adopted!.kernel}.ipynb`);
    expect(new Set(given.map(cluster => cluster.id)).size).toBe(3);
    await eventually('another spare', () => spare() && spare()!.id !== id, SOON_MS);
    // It is an ordinary cluster now: its kernel has it, and its end is its own.
    const again = await clusters.request({ kernel: adopted!.kernel, notebook: 'x' });
    expect(again).toMatchObject({ created: false, cluster: { id } });
    await clusters.stop(id);
    await until(id, 'stopped');
  });

  it('a spare makes room for a cluster that needs its memory, and is gone before that starts', async () => {
    await clusters.close();
    await open(1);
    const { id } = await eventually('a spare', spare, SOON_MS);
    const { spareMiB } = await clusters.capacity();
    memoryMiB = Math.floor(spareMiB * 1.5);
    const shape = { ...SMALL, executorMemoryMiB: SMALL.executorMemoryMiB + 1 };
    const { cluster } = await clusters.request({ kernel: 'a', notebook: 'a.ipynb', shape });
    await until(cluster.id, 'ready');
    expect(calls.indexOf(`stop ${id}`)).toBeLessThan(calls.indexOf(`start ${cluster.id}`));
    expect(state(id)).toBe('stopped');
    expect((await clusters.capacity()).spareMiB).toBe(0);
  });

  it('an ended cluster is forgotten by age and by notebook, and clients hear of it', async () => {
    const id = await ready('a');
    await clusters.stop(id);
    await until(id, 'stopped');
    await store.updateTable('clusters').set({ stopped_at: 1 }).where('id', '=', id).execute();
    await clusters.close();
    await open();
    expect(state(id)).toBe('stopped');
    const heard: string[] = [];
    journal.onChange(change => change.type === 'cluster-forgotten' && heard.push(change.cluster));
    await clusters.forgetExpired();
    expect({ heard, state: state(id) }).toEqual({ heard: [id], state: undefined });
  });
}

/** From now on the database refuses cell runs of this cluster, as it refuses a number that is out of range. */
async function refuseCellRunsOf(store: Store, cluster: string): Promise<void> {
  const isPostgres = store.getExecutor().adapter.constructor.name.startsWith('Postgres');
  if (!isPostgres) {
    await sql
      .raw(
        `create trigger refuse before insert on cell_runs when new.cluster = '${cluster}'
         begin select raise(abort, 'integer out of range'); end`
      )
      .execute(store);
    return;
  }
  await sql
    .raw(
      `create function refuse() returns trigger as $$
       begin raise exception 'integer out of range' using errcode = '22003'; end $$ language plpgsql`
    )
    .execute(store);
  await sql
    .raw(
      `create trigger refuse before insert on cell_runs for each row
       when (new.cluster = '${cluster}') execute function refuse()`
    )
    .execute(store);
}
