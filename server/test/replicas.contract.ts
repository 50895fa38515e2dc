import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { PodObservation } from '@aglais/diagnosis';
import { shapeTotalMiB, type CellRunReport } from '@aglais/protocol';
import { pino } from 'pino';
import { ClusterRows } from '../src/clusters/cluster-rows.js';
import { Clusters } from '../src/clusters/clusters.js';
import { FindingRows } from '../src/findings/finding-rows.js';
import type { Tokens } from '../src/identity/tokens.js';
import { Feed } from '../src/replicas/feed.js';
import { Leases } from '../src/replicas/leases.js';
import { OtherServers } from '../src/replicas/other-servers.js';
import { SharedJupyterServers } from '../src/replicas/shared-jupyter-servers.js';
import { ViewRows } from '../src/replicas/view-rows.js';
import { revised } from '../src/store/revisions.js';
import type { WholeStore } from '../src/store/store.js';
import { Journal, type Change } from '../src/stream/journal.js';
import { eventually, SMALL } from './support/server.js';
import { SharedWorld } from './support/shared-world.js';

const STARTS = 100;
const REPLACED_MS = 15_000;
const SHOWN_MS = 1_000;
/** Where it matters that something is shown, and not how soon. */
const TAKEN_MS = 20_000;
const ONE_MIB = shapeTotalMiB(SMALL);

/** Leases of a server that can be made to hang: its queries are not sent before it wakes up. */
class MortalLeases extends Leases {
  asleep: Promise<void> | null = null;
  protected override async renew(): Promise<void> {
    await this.asleep;
    await super.renew();
  }
  override async claim(names: readonly string[]): Promise<string[]> {
    if (!names.every(name => this.hasValidLease(name))) await this.asleep;
    return super.claim(names);
  }
  override async free(): Promise<string[]> {
    await this.asleep;
    return super.free();
  }
}

interface Server {
  clusters: Clusters;
  journal: Journal;
  leases: MortalLeases;
  /** Messages of its stream, with their times. */
  said: { change: Change; at: number }[];
  close(): Promise<void>;
}

const tokens: Tokens = {
  scopeOf: () => null,
  forCluster: id => `token of ${id}`,
  secretOf: (id, purpose) => `${purpose} of ${id}`
};

/** So that clusters stay where a test put them. */
const NEVER_MS = 3_600_000;
const SOON_MS = 400;

async function serve(
  store: WholeStore,
  world: SharedWorld,
  name: string,
  balanceMs = NEVER_MS
): Promise<Server> {
  const log = pino({ level: process.env['AGLAIS_LOG_LEVEL'] ?? 'silent' }).child({ server: name });
  const leases = new MortalLeases(store, log);
  const feed = await Feed.begin(store, log);
  const journal = new Journal();
  const said: Server['said'] = [];
  journal.onChange(change => said.push({ change: change as Change, at: performance.now() }));
  leases.open();
  const parts = {
    ...{ launcher: world.launcher(name), journal, log },
    rows: new ClusterRows(store, leases),
    findings: new FindingRows(store, leases)
  };
  const jupyterServers = new SharedJupyterServers(store, leases);
  const replicas = { leases, feed, views: new ViewRows(store, leases), jupyterServers };
  const clusters = new Clusters({
    ...{ ...parts, tokens },
    leaseHolder: leases,
    remoteClusters: new OtherServers({ ...parts, replicas, balanceMs }),
    jupyterServers,
    catalogue: () => Promise.resolve([]),
    shares: () => Promise.resolve([]),
    deadlines: { startMs: 60_000, idleMs: 600_000 },
    retention: { maxAgeMs: 86_400_000, perNotebook: 20 },
    defaultShape: SMALL
  });
  await clusters.open();
  return {
    ...{ clusters, journal, leases, said },
    async close() {
      await clusters.close();
      await feed.close();
      await leases.close();
    }
  };
}

const request = (kernel: string) => ({ kernel, notebook: `${kernel}.ipynb` });

/** An executor that is unschedulable, or is scheduled in the end. */
const executor = (version: number, placed: boolean): PodObservation => ({
  ...{ kind: 'pod', name: 'aglais-c-exec-1', uid: 'u1', role: 'executor', executor: '1', version },
  ...{ application: null, deletedAt: null, scheduled: placed, ran: placed, ends: [], ref: 'pods' },
  ...{ waiting: null, disrupted: null, limitMiB: 768, requestMiB: 768, node: null },
  unschedulable: placed
    ? null
    : { reason: 'Unschedulable', message: '0/1 nodes: Insufficient memory.', at: Date.now() }
});

/**
 * Two servers that share one simulated platform and one database.
 * @param open two stores of a new database; for a database of a single process, the same store twice
 */
export function replicasContract(open: () => Promise<[WholeStore, WholeStore]>): void {
  let stores: [WholeStore, WholeStore];
  let world: SharedWorld;
  let a: Server;
  let b: Server;
  let servers: Server[];
  let thaws: (() => void)[];

  beforeEach(async () => {
    stores = await open();
    world = new SharedWorld((STARTS + 2) * ONE_MIB);
    a = await serve(stores[0], world, 'a');
    b = await serve(stores[1], world, 'b');
    servers = [a, b];
    thaws = [];
  }, 60_000);
  afterEach(async () => {
    for (const thaw of thaws) thaw();
    for (const server of servers) await server.close();
    for (const store of new Set(stores)) await store.destroy();
  }, 60_000);

  const state = async ({ clusters }: Server, id: string) =>
    (await clusters.get(id).catch(() => null))?.state;
  const readyOn = (server: Server, id: string) =>
    eventually(`${id} ready`, async () => (await state(server, id)) === 'ready');
  const started = async (on: Server, kernel: string) => {
    const { cluster } = await on.clusters.request(request(kernel));
    await Promise.all(servers.map(server => readyOn(server, cluster.id)));
    return cluster.id;
  };
  const within = async (what: string, ms: number, look: () => unknown) => {
    const begun = performance.now();
    await eventually(what, () => Boolean(look()), ms);
    return performance.now() - begun;
  };

  it(`start each of ${STARTS} clusters once that are requested from both at once`, async () => {
    const kernels = Array.from({ length: STARTS }, (_, n) => `k${n}`);
    const asked = await Promise.all(
      kernels.flatMap((kernel, n) =>
        (n % 2 ? [a, b] : [b, a]).map(({ clusters }) => clusters.request(request(kernel)))
      )
    );
    expect(asked.filter(({ created }) => created)).toHaveLength(STARTS);
    const ids = [...new Set(asked.map(({ cluster }) => cluster.id))];
    expect(ids).toHaveLength(STARTS);
    await Promise.all(servers.flatMap(server => ids.map(id => readyOn(server, id))));
    expect([...world.begun.values()].filter(times => times !== 1)).toEqual([]);
    expect(world.alive().sort()).toEqual([...ids].sort());
    const listed = ({ clusters }: Server) =>
      clusters
        .list()
        .map(({ id }) => id)
        .sort();
    expect(listed(a)).toEqual(ids.sort());
    expect(listed(b)).toEqual(ids);
    expect(await b.clusters.capacity()).toEqual(await a.clusters.capacity());
  }, 120_000);

  it('share the work: each starts the clusters that are requested from it', async () => {
    const [one, other] = [await started(a, 'ka'), await started(b, 'kb')];
    expect(world.deeds).toEqual([
      { by: 'a', what: 'start', id: one },
      { by: 'b', what: 'start', id: other }
    ]);
  }, 60_000);

  it('give a server that comes back its share of the clusters, and none is restarted or lost', async () => {
    for (const server of servers.splice(0)) await server.close();
    const c = await serve(stores[0], world, 'c', SOON_MS);
    servers.push(c);
    const ids: string[] = [];
    for (let n = 0; n < 6; n += 1)
      ids.push((await c.clusters.request(request(`kernel${n}`))).cluster.id);
    for (const id of ids) await readyOn(c, id);
    world.see(ids[0]!, executor(1, false));
    await within('the finding', TAKEN_MS, () => c.journal.findings.size === 1);

    const d = await serve(stores[1], world, 'd', SOON_MS);
    servers.push(d);
    const held = ({ leases }: Server) => ids.filter(id => leases.holdsLease(id));
    await within('the clusters to move', TAKEN_MS, () => held(d).length === 3);
    await within('the others to stay', TAKEN_MS, () => held(c).length === 3);
    expect([...held(c), ...held(d)].sort()).toEqual([...ids].sort());
    expect(world.alive().sort()).toEqual([...ids].sort());
    expect(ids.map(id => world.begun.get(id))).toEqual(ids.map(() => 1));
    for (const server of [c, d])
      expect([...server.journal.findings.values()].map(({ cluster }) => cluster)).toEqual([ids[0]]);

    // Each does what its new server is asked, and sees what happens there.
    const [moved] = held(d);
    world.see(moved!, executor(1, false));
    await within('a finding of a moved cluster', TAKEN_MS, () =>
      [...c.journal.findings.values()].some(({ cluster }) => cluster === moved)
    );
    await c.clusters.stop(moved!);
    await eventually('its end', async () => (await state(d, moved!)) === 'stopped');
    expect(world.deeds.filter(({ what }) => what === 'stop')).toEqual([
      { by: 'd', what: 'stop', id: moved }
    ]);
  }, 90_000);

  it('never admit more than fits, however many are requested at once', async () => {
    const capacity = new SharedWorld(3 * ONE_MIB + 100);
    const c = await serve(stores[0], capacity, 'c');
    const d = await serve(stores[1], capacity, 'd');
    servers.push(c, d);
    const asked = await Promise.allSettled(
      Array.from({ length: 20 }, (_, n) => (n % 2 ? c : d).clusters.request(request(`k${n}`)))
    );
    expect(asked.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
    const refused = asked.flatMap(one => (one.status === 'rejected' ? [one.reason as Error] : []));
    expect(refused.every(({ message }) => /holds .* GiB/.test(message))).toBe(true);
    const { grantedMiB, totalMiB } = await c.clusters.capacity();
    expect(grantedMiB).toBeLessThanOrEqual(totalMiB);
  }, 60_000);

  it('serve requests for clusters of the other one', async () => {
    const id = await started(a, 'k');
    expect(a.leases.holdsLease(id)).toBe(true);
    expect(await b.clusters.endpoint(id)).toEqual(await a.clusters.endpoint(id));
    const cell: CellRunReport = { cell: 'c1', run: 1, outcome: 'running', at: Date.now() };
    await b.clusters.reportCellRun(id, cell);
    const runs = ({ journal }: Server) => [...journal.cellRuns.values()];
    for (const server of servers)
      await within('the run', SHOWN_MS, () => runs(server)[0]?.outcome === 'running');

    const bigger = { ...SMALL, executorOverheadMiB: 300 };
    await b.clusters.resize(id, bigger);
    await within(
      'its size',
      SHOWN_MS,
      () => a.journal.clusters.get(id)?.shape.executorOverheadMiB === 300
    );

    const next = await b.clusters.restart(id, { shape: SMALL });
    expect(await state(b, id)).toBe('stopped');
    await Promise.all(servers.map(server => readyOn(server, next.id)));
    expect(runs(a)[0]?.outcome).toBe('cancelled');
    await a.clusters.stop(next.id);
    for (const server of servers)
      await eventually('its end', async () => (await state(server, next.id)) === 'stopped');
    expect(world.alive()).toEqual([]);
    expect([...world.begun.values()]).toEqual([1, 1]);
  }, 60_000);

  it(`show a finding, its dismissal and its withdrawal within ${SHOWN_MS} ms, whichever server found it`, async () => {
    const id = await started(a, 'k');
    const found = ({ journal }: Server) => [...journal.findings.values()][0];
    world.see(id, executor(1, false));
    for (const server of servers) await within('the finding', SHOWN_MS, () => found(server));
    expect(found(b)).toEqual(found(a));
    expect(found(a)?.finding.code).toBe('cluster-pending');

    await b.clusters.dismiss(id, found(b)!.finding.id);
    for (const server of servers)
      await within('the dismissal', SHOWN_MS, () => found(server)?.dismissed);

    world.see(id, executor(2, true));
    for (const server of servers)
      await within('the withdrawal', SHOWN_MS, () => found(server) === undefined);
    // Not only in responses, but also in the stream.
    expect(
      b.said.map(({ change }) => change.type).filter(type => type.startsWith('finding'))
    ).toEqual(['finding', 'finding', 'finding-withdrawn']);
  }, 60_000);

  it('show what a newer server wrote as far as they know it, and everything that follows', async () => {
    const [id, next] = [await started(a, 'k'), await started(a, 'k2')];
    world.see(id, executor(1, false));
    await within('the finding', TAKEN_MS, () => b.journal.findings.size);
    await eventually('its view', () => new ViewRows(stores[0], a.leases).address(id));
    const [found] = [...a.journal.findings.values()];
    const newer = {
      ...found!,
      finding: { ...found!.finding, id: 'n1', code: 'new-code', moons: 2 }
    };
    const view = { ...a.journal.clusters.get(id)!, moons: 2, reason: 'as it says' };
    await revised(stores[0], async (transaction, revision) => {
      const finding = {
        cluster: id,
        dismissed: 0 as const,
        last_seen: 1,
        withdrawn: 0 as const,
        revision
      };
      await transaction
        .insertInto('findings')
        .values([
          { ...finding, id: 'n1', body: JSON.stringify(newer) },
          { ...finding, id: 'n2', body: '{"what":"is this"}' }
        ])
        .execute();
      await transaction
        .insertInto('cell_runs')
        .values({ cluster: id, cell: 'a', run: 1, started_at: 1, body: '[]', revision })
        .execute();
      await transaction
        .updateTable('cluster_views')
        .set({ body: JSON.stringify(view), revision })
        .where('cluster', '=', id)
        .execute();
      await transaction
        .updateTable('clusters')
        .set({ shape: '"none at all"', revision })
        .where('id', '=', next)
        .execute();
    });
    await within('the new finding', TAKEN_MS, () => b.journal.finding(id, 'n1'));
    expect(b.journal.finding(id, 'n1')).toEqual(newer);
    expect(b.journal.finding(id, 'n2')).toBeUndefined();
    await within('the new view', TAKEN_MS, () => 'moons' in b.journal.clusters.get(id)!);
    await b.clusters.dismiss(id, found!.finding.id);
    for (const server of servers)
      await within(
        'what came after',
        TAKEN_MS,
        () => server.journal.finding(id, found!.finding.id)?.dismissed
      );
    // Test data has to be valid.
    const shape = JSON.stringify(SMALL);
    await stores[0].updateTable('clusters').set({ shape }).where('id', '=', next).execute();
  }, 60_000);

  it('leave no leases of ended clusters, and no Jupyter Server that has not reported for a day', async () => {
    const [id, over] = [await started(a, 'k'), await started(a, 'k2')];
    await a.clusters.stop(over);
    await eventually('its end', async () => (await a.clusters.get(over)).stoppedAt);
    const lease = (name: string) => ({ name, holder: 'killed', expires_at: 1 });
    await stores[0]
      .insertInto('leases')
      .values([over, `size of ${over}`, `size of ${id}`, 'forgotten'].map(lease))
      .execute();
    const server = (name: string, reported_at: number) => ({
      id: name,
      reported_at,
      kernels: '[]'
    });
    await stores[0]
      .insertInto('jupyter_servers')
      .values([
        server('yesterday', Date.now() - 25 * 3_600_000),
        server('today', Date.now() - 23 * 3_600_000)
      ])
      .execute();
    await a.leases.deleteExpired();
    await new SharedJupyterServers(stores[0], a.leases).deleteSilent();
    const rows = async (table: 'leases' | 'jupyter_servers') =>
      (await stores[0].selectFrom(table).selectAll().execute()).map(row =>
        String('name' in row ? row.name : (row as { id: string }).id)
      );
    expect(await rows('jupyter_servers')).toEqual(['today']);
    const left = await rows('leases');
    expect(left).toContain(id);
    expect(left.filter(name => [over, `size of ${over}`, 'forgotten'].includes(name))).toEqual([]);
  }, 60_000);

  it('take over the clusters of a server that shuts down, immediately', async () => {
    const id = await started(a, 'k');
    servers = [b];
    await a.close();
    // Before a lease that is not renewed expires.
    await within('its new holder', 5_000, () => b.leases.hasValidLease(id));
    await b.clusters.stop(id);
    await eventually('its end', async () => (await state(b, id)) === 'stopped');
    expect(world.alive()).toEqual([]);
  }, 60_000);

  it(`replace one that hangs within ${REPLACED_MS} ms; it does nothing when it wakes up in the middle of a step`, async () => {
    const [id, other] = [await started(a, 'k'), await started(a, 'k2')];
    world.see(id, executor(1, false));
    await within('the finding', SHOWN_MS, () => b.journal.findings.size);
    await b.clusters.dismiss(id, [...b.journal.findings.values()][0]!.finding.id);
    await within('the dismissal', SHOWN_MS, () => [...a.journal.findings.values()][0]?.dismissed);

    // It observes that a driver died, and acts on it only after another server has.
    world.kill(other, 'It was killed.');
    let wake = (): void => undefined;
    a.leases.asleep = new Promise(resolve => (wake = resolve));
    const thaw = world.freeze('a');
    thaws.push(wake, thaw);
    const before = world.deeds.length;
    const taken = await within('a new holder', REPLACED_MS, () => b.leases.hasValidLease(id));
    expect(taken).toBeGreaterThan(5_000);
    await eventually('the end of the dead one', async () => (await state(b, other)) === 'failed');
    await eventually('its removal', () => !world.alive().includes(other));
    const gone = await eventually('its row', async () => {
      const cluster = await b.clusters.get(other);
      return cluster.stoppedAt !== null && cluster;
    });

    // First it gets the result of its earlier observation.
    thaw();
    await sleep(500);
    wake();
    await within('a to know', 10_000, () => !a.leases.holdsLease(id));
    await b.clusters.stop(id);
    await eventually('its end', async () => (await state(a, id)) === 'stopped');
    expect(world.deeds.slice(before).filter(({ by }) => by === 'a')).toEqual([]);
    expect([...world.begun.values()]).toEqual([1, 1]);
    expect(await b.clusters.get(other)).toEqual(gone);
    // Both know the findings and the dismissal.
    for (const { journal } of servers)
      expect([...journal.findings.values()]).toMatchObject([{ cluster: id, dismissed: true }]);
  }, 90_000);

  it('withdraw nothing that another server has found from more events', async () => {
    const [id, other] = [await started(a, 'k'), await started(a, 'k2')];
    for (const one of [id, other]) world.see(one, executor(1, false));
    await within('the findings', SHOWN_MS, () => b.journal.findings.size === 2);
    // As if it had read ten lines of the event log of one, and all lines of the other.
    await eventually('its view', () => new ViewRows(stores[0], a.leases).address(id));
    await stores[0]
      .updateTable('cluster_views')
      .set({ event_lines: 10 })
      .where('cluster', '=', id)
      .execute();
    servers = [b];
    await a.close();
    for (const one of [id, other]) world.forget(one);
    await eventually(
      'a new holder',
      () => b.leases.hasValidLease(id) && b.leases.hasValidLease(other)
    );
    for (const one of [id, other]) await b.clusters.stop(one);
    for (const one of [id, other])
      await eventually('its end', async () => (await b.clusters.get(one)).stoppedAt);
    expect([...b.journal.findings.values()].map(({ cluster }) => cluster)).toEqual([id]);
  }, 60_000);

  it('remove orphans, and nothing that another server has just started', async () => {
    await world
      .launcher('nobody')
      .start({ id: 'orphan', shape: SMALL, token: '', catalogue: [], shares: [] });
    await eventually('its end', () => !world.alive().includes('orphan'));
    for (let n = 0; n < 20; n += 1) {
      await (n % 2 ? a : b).clusters.request(request(`k${n}`));
      await sleep(100);
    }
    expect(world.alive()).toHaveLength(20);
    expect(world.deeds.filter(({ what }) => what === 'stop')).toMatchObject([{ id: 'orphan' }]);
  }, 60_000);
}
