import { setTimeout as sleep } from 'node:timers/promises';
import { executorLimitMiB, type Cluster } from '@aglais/protocol';
import { eventually, SMALL, type Client } from '../support/server.js';
import type { ApiProxy } from './api-proxy.js';
import type { Ledger } from './ledger.js';
import { clustersOf, findingsOf, isWanted, Monitor, type Excuses } from './monitor.js';
import type { Ask, Kill } from './plan.js';
import type { ServerProcess } from './server-process.js';
import { executorId, type World } from './world.js';

export const KERNELS = ['k1', 'k2'];
/** A cluster may take this long to become ready on a busy machine, ms. */
const READY_MS = 300_000;
/** How long to wait for a write, which may never happen, ms. */
const WRITE_MS = 4_000;
const NAMED_MS = 60_000;
const RAISE_MIB = 32;

export interface ChaosParts {
  world: World;
  proxy: ApiProxy;
  server: ServerProcess;
  /** The server's directory of clusters. */
  directory: string;
  ledger: Ledger;
  restartApiServer: () => Promise<void>;
}

/** Users of a few notebooks, and random kills. */
export class Chaos {
  private readonly excuses: Excuses = {
    asked: new Set(),
    mortal: new Set(),
    shaken: new Set(),
    victims: new Map()
  };
  /** The latest response of the server: the kernel's cluster, or that it has none. Missing: it never responded. */
  private readonly promised = new Map<string, string | null>();
  private readonly monitor: Monitor;

  constructor(private readonly parts: ChaosParts) {
    const { world, server, directory, ledger } = parts;
    this.monitor = new Monitor(world, server, directory, this.excuses, ledger);
  }

  /** Starts a cluster for each kernel. */
  async begin(): Promise<void> {
    await this.parts.server.start();
    const asked = await Promise.all(KERNELS.map(kernel => this.client.request(kernel, SMALL)));
    for (const { kernel, id } of asked) this.promised.set(kernel, id);
    await Promise.all(asked.map(({ id }) => this.isReady(id)));
  }

  async kill(kill: Kill): Promise<void> {
    const { ledger, server } = this.parts;
    const recoveredMs = await this.act(kill).catch((error: unknown) => {
      ledger.violate('broken', `${kill.kind}, ${kill.ask}: ${String(error)}`);
      return null;
    });
    if (!server.client) await server.start();
    ledger.kills.push({ kind: kill.kind, recoveredMs });
    await this.checkPromises(kill);
  }

  /** Waits until nothing changes, checks that every cluster works, stops them all, and checks that nothing is left. */
  async end(): Promise<void> {
    const { client, monitor } = this;
    const { world, server, ledger, proxy } = this.parts;
    await eventually(
      'rest',
      async () =>
        (await clustersOf(client)).every(({ state }) =>
          ['ready', 'stopped', 'failed'].includes(state)
        ),
      READY_MS
    );
    const ready = (await clustersOf(client)).filter(({ state }) => state === 'ready');
    for (const { id, shape } of ready) {
      const before = monitor.workloads.get(id);
      const count = before?.results.right ?? 0;
      await eventually(`${id} at work`, () => {
        const work = monitor.workloads.get(id);
        return work && work.results.right > (work === before ? count : 0);
      }).catch((error: unknown) => ledger.violate('removed', String(error)));
      const limit = `${executorLimitMiB(shape)}Mi`;
      await eventually(`executors of ${id} with ${limit}`, async () => {
        const pods = await world.liveExecutors(id);
        return pods.every(
          ({ status }) =>
            status?.containerStatuses?.[0]?.resources?.limits?.['memory'] === limit ||
            // Mebibytes may have another unit.
            Number(status?.containerStatuses?.[0]?.resources?.limits?.['memory']) ===
              executorLimitMiB(shape) * 2 ** 20
        );
      }).catch((error: unknown) => ledger.violate('broken', String(error)));
    }
    for (const { id } of ready) {
      this.excuses.asked.add(id);
      await client.delete(`/clusters/${id}`);
    }
    const all = await eventually('every cluster compared', async () => {
      const clusters = await clustersOf(client);
      return clusters.every(({ id }) => monitor.judged.has(id)) && clusters;
    });
    await monitor.close();
    ledger.clusters = all.length;
    if ((await server.end()) !== 0) ledger.violate('broken', 'the server did not end well');
    for (const { what } of await world.objects()) ledger.violate('orphans', `${what} at the end`);
    ledger.drivers = [...proxy.drivers.values()].reduce((sum, uids) => sum + uids.size, 0);
    for (const [id, uids] of proxy.drivers)
      if (uids.size > 1) ledger.violate('doubles', `${id} had ${uids.size} driver pods`);
  }

  async close(): Promise<void> {
    await this.monitor.close();
  }

  private get client(): Client {
    const { client } = this.parts.server;
    if (!client) throw new Error('there is no server');
    return client;
  }

  /** Kills; resolves with the time to recovery in ms, or null if that is not defined. */
  private async act(kill: Kill): Promise<number | null> {
    const { proxy, server, restartApiServer } = this.parts;
    switch (kill.kind) {
      case 'server, at a random moment':
        return this.killServer(kill, () => sleep(kill.afterMs));
      case 'server, after a write to Kubernetes':
        return this.killServer(kill, killed => {
          let writes = 0;
          proxy.onWrite = () => {
            writes += 1;
            if (writes === kill.write) server.killNow();
          };
          return Promise.race([killed, sleep(WRITE_MS)]);
        });
      case 'server, after a write to its disk':
        return this.killServer(kill, async killed => {
          let writes = 0;
          const stop = server.onDiskWrite(() => {
            writes += 1;
            if (writes === kill.write) server.killNow();
          });
          await Promise.race([killed, sleep(WRITE_MS)]);
          stop();
        });
      case 'executor, its process':
      case 'executor, its pod':
      case 'executor, while the server is away':
        return this.killExecutor(kill);
      case 'driver, its process':
      case 'driver, its pod':
        return this.killDriver(kill);
      case 'witness':
        return this.killWitness(kill);
      case 'watch connections, cut': {
        const asked = this.ask(kill);
        for (let cut = 0; cut < kill.write; cut += 1) {
          await sleep(Math.min(kill.afterMs, 400));
          proxy.cut();
        }
        return this.whileAsked(asked);
      }
      case 'watch connections, silent': {
        const asked = this.ask(kill);
        await sleep(Math.min(kill.afterMs, 500));
        proxy.hush();
        await sleep(3_000 + kill.afterMs);
        proxy.speak();
        return this.whileAsked(asked);
      }
      case 'API server, out of reach': {
        const asked = this.ask(kill);
        await sleep(Math.min(kill.afterMs, 500));
        await proxy.leave();
        await sleep(2_000 + kill.afterMs);
        await proxy.back();
        return this.whileAsked(asked);
      }
      case 'API server, restarted': {
        const asked = this.ask(kill);
        await sleep(Math.min(kill.afterMs, 500));
        await restartApiServer();
        await eventually('an API server', () => this.parts.world.objects().catch(() => null));
        return this.whileAsked(asked);
      }
    }
  }

  /** From the time when the connection works again. */
  private async whileAsked(asked: Promise<void>): Promise<number> {
    const begun = Date.now();
    await asked;
    return Date.now() - begun;
  }

  /** A request of a user; the server may be killed while it responds, and then the result is unknown. */
  private async ask({ kernel: number, ask }: Kill): Promise<void> {
    const { client, promised } = this;
    const kernel = KERNELS[number % KERNELS.length]!;
    const known = promised.get(kernel);
    const action: Ask = known ? ask : 'start';
    promised.delete(kernel);
    try {
      if (action === 'start') {
        promised.set(kernel, (await client.request(kernel)).id);
      } else if (action === 'stop') {
        this.excuses.asked.add(known!);
        if ((await client.delete(`/clusters/${known}`)).status === 202) promised.set(kernel, null);
      } else if (action === 'restart') {
        this.excuses.asked.add(known!);
        const answer = await client.post<Cluster>(`/clusters/${known}/restart`, {});
        if (answer.status === 201) promised.set(kernel, answer.body.id);
      } else {
        const { shape } = await client.cluster(known!);
        promised.set(kernel, known!);
        const executorOverheadMiB = shape.executorOverheadMiB + RAISE_MIB;
        await client.post(`/clusters/${known}/resize`, {
          shape: { ...shape, executorOverheadMiB }
        });
      }
    } catch {
      // That is what is tested.
    }
  }

  private async killServer(
    kill: Kill,
    moment: (killed: Promise<void>) => Promise<unknown>
  ): Promise<number> {
    const { server, proxy } = this.parts;
    const asked = this.ask(kill);
    let over = false;
    const killed = (async () => {
      while (!server.killed && !over) await sleep(5);
    })();
    await moment(killed);
    over = true;
    await server.kill();
    proxy.onWrite = () => undefined;
    await asked;
    const begun = Date.now();
    await server.start();
    return Date.now() - begun;
  }

  private async killExecutor(kill: Kill): Promise<number> {
    const { world, server } = this.parts;
    const cluster = await this.oneReady(kill);
    // A busy one, so that something is lost; the loss of an unregistered one is not reported.
    const pods = await eventually(
      'an executor at work',
      async () => {
        const { executors } = await this.client.cluster(cluster);
        const busy = executors
          .filter(({ state, runningTasks }) => state === 'active' && runningTasks > 0)
          .map(({ id }) => id);
        const live = await world.liveExecutors(cluster);
        const known = live.filter(pod => busy.includes(executorId(pod)));
        return known.length > 0 && known;
      },
      READY_MS
    );
    const pod = pods[kill.pick % pods.length]!;
    const id = executorId(pod);
    const known = this.excuses.victims.get(cluster) ?? new Set();
    this.excuses.victims.set(cluster, known.add(id));
    const away = kill.kind === 'executor, while the server is away';
    if (away) await server.kill();
    if (kill.kind === 'executor, its pod') await world.deletePod(pod);
    else await world.killJava(pod, 'spark-kubernetes-executor');
    let begun = Date.now();
    if (away) {
      await sleep(kill.afterMs);
      begun = Date.now();
      await server.start();
    }
    const { client } = this;
    const named = async () => {
      const { executors } = await client.cluster(cluster);
      if (executors.some(one => one.id === id && one.state === 'lost')) return true;
      const findings = await findingsOf(client, cluster);
      return findings.some(({ finding }) => finding.subject.executors?.includes(id));
    };
    await eventually(`executor ${id} of ${cluster} named`, named, NAMED_MS).catch(
      (error: unknown) => this.parts.ledger.violate('unnamed', String(error))
    );
    return Date.now() - begun;
  }

  private async killDriver(kill: Kill): Promise<number> {
    const { world } = this.parts;
    const { client, promised } = this;
    const cluster = await this.oneReady(kill);
    const [pod] = await world.pods(cluster, 'driver');
    const { kernel } = await client.cluster(cluster);
    this.excuses.mortal.add(cluster);
    promised.delete(kernel);
    if (kill.kind === 'driver, its pod') await world.deletePod(pod!);
    else await world.killJava(pod!, 'driver');
    const begun = Date.now();
    const over = await eventually('the end of its cluster', async () => {
      const now = await client.cluster(cluster);
      return now.state === 'failed' && now;
    });
    const ms = Date.now() - begun;
    if (!over.reason) this.parts.ledger.violate('findings', `${cluster} failed without a reason`);
    // The next cell of the notebook.
    promised.set(kernel, (await client.request(kernel)).id);
    return ms;
  }

  private async killWitness(kill: Kill): Promise<number | null> {
    const { world } = this.parts;
    const { monitor } = this;
    const cluster = await this.oneReady(kill);
    const [pod] = await world.pods(cluster, 'driver');
    this.excuses.shaken.add(cluster);
    if (!world.killWitness(pod!)) throw new Error(`the witness of ${cluster} was not found`);
    const begun = Date.now();
    const before = monitor.workloads.get(cluster);
    const count = before?.results.right ?? 0;
    // On the same connection, if it was resumed, or on a new one.
    await eventually(`work on ${cluster} after its witness`, () => {
      const work = monitor.workloads.get(cluster);
      return work && work.results.right > (work === before ? count + 1 : 0);
    }).catch((error: unknown) => this.parts.ledger.violate('removed', String(error)));
    return Date.now() - begun;
  }

  /** A ready cluster; started if there is none. */
  private async oneReady({ kernel: number, pick }: Kill): Promise<string> {
    const { client, promised } = this;
    const wanted = (await clustersOf(client)).filter(isWanted);
    if (wanted.length === 0) {
      const kernel = KERNELS[number % KERNELS.length]!;
      const asked = await client.request(kernel);
      promised.set(kernel, asked.id);
      wanted.push(asked);
    }
    const ready = wanted.filter(({ state }) => state === 'ready');
    const from = ready.length > 0 ? ready : wanted;
    const { id } = from[pick % from.length]!;
    await this.isReady(id);
    return id;
  }

  private async isReady(id: string): Promise<void> {
    await eventually(
      `${id} ready`,
      async () => {
        const { state, reason } = await this.client.cluster(id);
        if (state === 'failed') throw new Error(`${id} failed: ${reason}`);
        return state === 'ready';
      },
      READY_MS
    );
  }

  private async checkPromises({ kind, ask }: Kill): Promise<void> {
    const { client, promised } = this;
    const { ledger } = this.parts;
    const wanted = (await clustersOf(client)).filter(isWanted);
    for (const [kernel, id] of promised) {
      const now = wanted.filter(cluster => cluster.kernel === kernel).map(cluster => cluster.id);
      if (now.join() !== (id ?? '')) {
        ledger.violate(
          'broken',
          `${kernel} was promised ${id} and has ${now.join() || 'none'} (${kind}, ${ask})`
        );
      }
    }
    for (const kernel of KERNELS)
      promised.set(kernel, wanted.find(cluster => cluster.kernel === kernel)?.id ?? null);
  }
}
