import { randomBytes } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import type { Cluster, LocatedFinding } from '@aglais/protocol';
import { KubeConfig } from '@kubernetes/client-node';
import pg from 'pg';
import { ApiProxy } from '../chaos/api-proxy.js';
import { writePolicy } from '../chaos/chaos-config.js';
import { say } from '../chaos/ledger.js';
import { clustersOf, findingsOf, isWanted } from '../chaos/monitor.js';
import { diagnoseKept, told } from '../chaos/offline.js';
import { ServerProcess } from '../chaos/server-process.js';
import { Workload } from '../chaos/workload.js';
import { executorId, World } from '../chaos/world.js';
import { Postgres, postgresPrograms } from '../support/postgres.js';
import { randomFrom } from '../support/random.js';
import { environment, eventually, SMALL, temporaryDirectory } from '../support/server.js';

const KILLS = Number(process.env.AGLAIS_REPLICA_KILLS ?? 2);
const KERNELS = ['k1', 'k2'];
/** A server that is gone is replaced within this time, ms. */
const REPLACED_MS = 15_000;
/** Longer than a lease: a server that is frozen for this long is replaced meanwhile. */
const FROZEN_MS = 16_000;
/** All servers show the same within this time, including the time of the check, ms. */
const SAME_MS = 2_000;
const READY_MS = 300_000;
const LIMIT_MS = (240 + 45 * KILLS) * 1_000;

const onPostgres = postgresPrograms ? it : it.skip;

/** Unfinished clusters without a lease at this time, and the number of lease holders. */
async function leases(database: string): Promise<{ free: number; holders: number }> {
  const client = new pg.Client({ connectionString: database });
  await client.connect();
  try {
    const { rows } = await client.query<{ free: string; holders: string }>(
      `SELECT count(*) FILTER (WHERE holder IS NULL OR expires_at < extract(epoch FROM clock_timestamp()) * 1000) AS free,
              count(DISTINCT holder) AS holders
         FROM clusters LEFT JOIN leases ON name = id WHERE desired = 'running' OR clusters.stopped_at IS NULL`
    );
    return { free: Number(rows[0]!.free), holders: Number(rows[0]!.holders) };
  } finally {
    await client.end();
  }
}

onPostgres(
  `two servers, of which one is killed or frozen ${KILLS} times, start nothing twice, leave nothing behind and lose no finding`,
  async () => {
    const seed = Number(process.env.AGLAIS_TEST_SEED ?? Date.now() % 1_000_000);
    say(`AGLAIS_TEST_SEED=${seed}`);
    const random = randomFrom(seed);
    const admin = new KubeConfig();
    admin.loadFromFile(process.env.AGLAIS_KUBECONFIG ?? '');
    const directory = temporaryDirectory();
    const world = new World(admin, `aglais-replicas-${randomBytes(4).toString('hex')}`);
    const proxy = await ApiProxy.open(admin);
    const postgres = await Postgres.open();
    const database = await postgres.database();
    const config = writePolicy(directory.path, world.namespace, proxy);
    const servers = ['a', 'b'].map(name => {
      const state = join(directory.path, name);
      const env = environment(directory.path, {
        AGLAIS_STATE: state,
        AGLAIS_SECRETS: join(directory.path, 'secrets'),
        AGLAIS_DATABASE: database,
        AGLAIS_LAUNCHER: 'kubernetes',
        AGLAIS_KUBERNETES: config,
        AGLAIS_START_SECONDS: '600'
      });
      const log = join(directory.path, `${name}.log`);
      return { name, state, server: new ServerProcess(state, env, log) };
    });
    type Named = (typeof servers)[number];
    const [a, b] = servers as [Named, Named];
    const client = ({ server, name }: Named) => {
      if (!server.client) throw new Error(`server ${name} is not there`);
      return server.client;
    };
    const violations: string[] = [];
    const violate = (words: string) => {
      say(`BROKEN: ${words}`);
      violations.push(words);
    };
    /** Clusters that a user stopped. */
    const asked = new Set<string>();
    const promised = new Map<string, string | null>();
    const work = new Map<string, Workload>();
    const victims: { cluster: string; executor: string }[] = [];
    const replacedMs: number[] = [];
    let hasEnded = false;

    const ask = async (on: Named, kernel: string, action: 'stop' | 'restart' | 'start') => {
      const known = promised.get(kernel);
      promised.delete(kernel);
      try {
        if (!known || action === 'start') {
          promised.set(kernel, (await client(on).request(kernel, SMALL)).id);
        } else if (action === 'stop') {
          asked.add(known);
          const { status } = await client(on).delete(`/clusters/${known}`);
          if (status === 202) promised.set(kernel, null);
        } else {
          asked.add(known);
          const { status, body } = await client(on).post<Cluster>(`/clusters/${known}/restart`, {});
          if (status === 201) promised.set(kernel, body.id);
        }
      } catch {
        // It was killed while it responded: that is what is tested.
      }
    };
    const check = async (on: Named, when: string) => {
      const clusters = await clustersOf(client(on));
      for (const { id, state, reason } of clusters)
        if (['stopping', 'stopped', 'failed'].includes(state) && !asked.has(id))
          violate(`${when}: ${id} is ${state} on ${on.name}: ${reason}`);
      for (const [kernel, id] of promised) {
        const now = clusters.filter(one => one.kernel === kernel && isWanted(one));
        if (now.map(one => one.id).join() !== (id ?? ''))
          violate(`${when}: ${kernel} was promised ${id} and has ${now.map(one => one.id).join()}`);
      }
      for (const kernel of KERNELS)
        promised.set(
          kernel,
          clusters.find(one => one.kernel === kernel && isWanted(one))?.id ?? null
        );
    };
    const keepAtWork = async (on: Named) => {
      for (const cluster of await clustersOf(client(on))) {
        const { id, state } = cluster;
        const before = work.get(id);
        if (before?.failure && state === 'ready' && !asked.has(id))
          violate(`work on ${id} broke: ${before.failure}`);
        if (state === 'ready' && (!before || before.failure !== null)) {
          const endpoint = await client(on).endpoint(id);
          // For any server.
          work.set(id, new Workload(endpoint));
        }
      }
    };
    const text = ({ state }: Named, id: string, file: string) =>
      readFileSync(join(state, 'clusters', id, file), 'utf8');
    const same = async (when: string) => {
      const seen = async (on: Named) =>
        JSON.stringify([
          (await clustersOf(client(on))).map(({ id, state, reason }) => [id, state, reason]).sort(),
          (await client(on).get<{ findings: LocatedFinding[] }>('/findings')).body.findings
            .map(({ cluster, dismissed, finding }) => [cluster, dismissed, told(finding)])
            .sort()
        ]);
      await eventually(
        'the same on both',
        async () => (await seen(a)) === (await seen(b)),
        SAME_MS
      ).catch(async () => violate(`${when}: a shows ${await seen(a)}, b shows ${await seen(b)}`));
    };

    await world.make();
    try {
      await Promise.all(servers.map(({ server }) => server.start()));
      await Promise.all(KERNELS.map((kernel, n) => ask(servers[n]!, kernel, 'start')));
      for (const id of promised.values())
        await Promise.all(servers.map(one => client(one).until(id!, 'ready')));
      await keepAtWork(b);

      for (let kill = 1; kill <= KILLS; kill += 1) {
        const [victim, other] = random(2) === 0 ? [a, b] : [b, a];
        const freezes = random(3) === 0;
        const action = (['stop', 'restart', 'start'] as const)[random(3)]!;
        const kernel = KERNELS[random(KERNELS.length)]!;
        const by = random(2) === 0 ? victim : other;
        const when = `${kill}: ${victim.name} ${freezes ? 'frozen' : 'killed'}, ${by.name} asked to ${action} ${kernel}`;
        say(when);
        const answer = ask(by, kernel, action);
        await sleep(random(3_000));
        const gone = performance.now();
        if (freezes) victim.server.freeze();
        else await victim.server.kill();

        // An executor is killed while one server is gone: the other has to record it.
        const ready = (await clustersOf(client(other))).filter(one => one.state === 'ready');
        const unlucky = ready.find(
          ({ id }) => promised.get(KERNELS.find(k => k !== kernel)!) === id
        );
        const atWork = unlucky?.executors.filter(
          one => one.state === 'active' && one.runningTasks > 0
        );
        const pods = unlucky ? await world.liveExecutors(unlucky.id) : [];
        const pod = pods.find(one => atWork?.some(({ id }) => id === executorId(one))) ?? pods[0];
        if (unlucky && pod) {
          await world.killJava(pod, 'spark-kubernetes-executor').catch(() => undefined);
          victims.push({
            cluster: unlucky.id,
            executor: executorId(pod)
          });
        }
        const replaced = freezes || random(2) === 0;
        if (replaced) {
          await eventually(
            'one holder of all',
            async () => {
              const { free, holders } = await leases(database);
              return free === 0 && holders <= 1;
            },
            60_000
          );
          const ms = performance.now() - gone;
          replacedMs.push(ms);
          if (ms > REPLACED_MS) violate(`${when}: replaced after ${Math.round(ms)} ms`);
        }
        if (freezes) {
          await sleep(Math.max(0, FROZEN_MS - (performance.now() - gone)));
          victim.server.thaw();
        } else await victim.server.start();
        await answer;
        await sleep(1_000);
        await eventually('rest', async () =>
          (await clustersOf(client(other))).every(({ state }) =>
            ['ready', 'stopped', 'failed'].includes(state)
          )
        );
        await check(other, when);
        await check(victim, when);
        await same(when);
        await keepAtWork(victim);
      }

      const living = (await clustersOf(client(a))).filter(isWanted);
      for (const { id } of living) {
        await client(b).until(id, 'ready');
        const done = work.get(id)?.results.right ?? 0;
        await eventually(
          `${id} at work`,
          () => (work.get(id)?.results.right ?? 0) > done,
          READY_MS
        ).catch((error: unknown) => violate(String(error)));
        asked.add(id);
        await client(random(2) === 0 ? a : b).delete(`/clusters/${id}`);
      }
      const all = await eventually('the end of all', async () => {
        const clusters = await clustersOf(client(a));
        return clusters.every(({ stoppedAt }) => stoppedAt !== null) && clusters;
      });
      await same('at the end');
      for (const { what } of await world.objects()) violate(`${what} is left`);
      for (const [id, uids] of proxy.drivers)
        if (uids.size !== 1) violate(`${id} had ${uids.size} driver pods`);
      let compared = 0;
      let met = 0;
      for (const { id } of all) {
        const live = (await findingsOf(client(b), id)).map(({ finding }) => told(finding)).sort();
        const size = (one: Named) =>
          statSync(join(one.state, 'clusters', id, 'live.jsonl'), { throwIfNoEntry: false })
            ?.size ?? 0;
        const copy = size(a) >= size(b) ? a : b;
        const offline = await diagnoseKept(join(copy.state, 'clusters', id));
        if (offline.begins > 1) violate(`${id} began ${offline.begins} times`);
        const found = offline.findings.map(told).sort();
        compared += found.length;
        if (JSON.stringify(live) !== JSON.stringify(found))
          violate(`${id}: live ${JSON.stringify(live)}, offline ${JSON.stringify(found)}`);
        const lost = offline.executors.filter(one => one.state === 'lost').map(one => one.id);
        const blamed = offline.findings.flatMap(({ subject }) => subject.executors ?? []);
        const events = text(copy, id, 'live.jsonl');
        for (const { executor } of victims.filter(({ cluster }) => cluster === id)) {
          // The loss of an unregistered one is not reported; but its exit is recorded.
          const isAdded = new RegExp(`ExecutorAdded","Timestamp":\\d+,"Executor ID":"${executor}"`);
          if (isAdded.test(events)) met += 1;
          if (isAdded.test(events) && ![...lost, ...blamed].includes(executor))
            violate(`executor ${executor} of ${id} unnamed`);
          const death = new RegExp(`"executor":"${executor}".*"ends":\\[{.*?"exitCode":137`);
          if (!death.test(text(copy, id, 'evidence.jsonl')))
            violate(`the death of executor ${executor} of ${id} is not on record`);
        }
        // Observations outlive the server that made them: both have all of them.
        if (text(a, id, 'evidence.jsonl') !== text(b, id, 'evidence.jsonl'))
          violate(`the servers have other records of ${id}`);
      }
      const results = [...work.values()].reduce((sum, one) => sum + one.results.right, 0);
      say(
        `${KILLS} times one server was gone, ${replacedMs.length} times until it was replaced (most ${Math.round(Math.max(0, ...replacedMs))} ms); ` +
          `${all.length} clusters, ${proxy.drivers.size} drivers, ${victims.length} killed executors (${met} of them known to Spark), ${compared} findings, ${results} right results`
      );
      expect(violations).toEqual([]);
      for (const { server } of servers) expect(await server.end()).toBe(0);
      hasEnded = true;
    } finally {
      for (const one of work.values()) await one.end();
      for (const { server } of servers) {
        server.thaw();
        await server.kill();
      }
      await proxy.close();
      await postgres.close();
      await world.remove();
      if (hasEnded) directory.remove();
      else say(`What was left behind is in ${directory.path}.`);
    }
  },
  LIMIT_MS
);
