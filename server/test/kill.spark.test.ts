import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, it } from '@jest/globals';
import type { Cluster, LocatedFinding } from '@aglais/protocol';
import { runPython } from './support/connect.js';
import { clusterProcesses, endAll, type ClusterProcess } from './support/processes.js';
import { randomFrom } from './support/random.js';
import {
  builtServer,
  Client,
  environment,
  eventually,
  node,
  PATIENCE_MS,
  SMALL,
  temporaryDirectory
} from './support/server.js';

/** More in test:long. */
const KILLS = Number(process.env.AGLAIS_SERVER_KILLS ?? 5);
const KERNELS = ['k1', 'k2', 'k3'];
const POLL_MS = 100;

const directory = temporaryDirectory();
const clusters = join(directory.path, 'state', 'clusters');
const env = environment(directory.path, { AGLAIS_MEMORY_MIB: '6000' });
let server: ChildProcess | null = null;

/** Starts the built server as `npm start` does, and waits until it listens. */
async function start(): Promise<Client> {
  const child = spawn(node, [builtServer], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit']
  });
  server = child;
  for await (const line of createInterface({ input: child.stdout })) {
    const { msg, url } = JSON.parse(line) as { msg?: string; url?: string };
    if (msg !== 'Aglais is ready') continue;
    child.stdout.resume();
    return new Client(url!, readFileSync(join(directory.path, 'state', 'token'), 'utf8').trim());
  }
  throw new Error('the server ended before it listened');
}

async function end(how: NodeJS.Signals): Promise<void> {
  if (!server || server.exitCode !== null || server.signalCode !== null) return;
  const gone = new Promise(resolve => server!.once('exit', resolve));
  server.kill(how);
  await gone;
}

let drivers: ReturnType<typeof watchDrivers> | null = null;

afterAll(async () => {
  await drivers?.stop();
  await end('SIGKILL');
  const left = await endAll(clusters);
  directory.remove();
  expect(left.map(({ command }) => command)).toEqual([]);
}, PATIENCE_MS);

/** Polls the process table: all observed drivers, by cluster. */
function watchDrivers(): { seen: Map<string, Set<string>>; stop: () => Promise<void> } {
  const seen = new Map<string, Set<string>>();
  const over = new AbortController();
  const watching = (async () => {
    while (!over.signal.aborted) {
      for (const { cluster, role, pid, start } of await clusterProcesses(clusters)) {
        if (role !== 'driver') continue;
        seen.set(cluster, (seen.get(cluster) ?? new Set()).add(`${pid} ${start}`));
      }
      await sleep(POLL_MS);
    }
  })();
  return {
    seen,
    stop: async () => {
      over.abort();
      await watching;
    }
  };
}

const list = async (client: Client) =>
  (await client.get<{ clusters: Cluster[] }>('/clusters')).body.clusters;
const wanted = ({ state }: Cluster) => ['requested', 'starting', 'ready'].includes(state);
const findings = async (client: Client) =>
  (await client.get<{ findings: LocatedFinding[] }>('/findings')).body.findings;

it(
  `a server that is killed ${KILLS} times at random moments loses nothing, starts nothing twice and leaves nothing behind`,
  async () => {
    const seed = Number(process.env['AGLAIS_TEST_SEED'] ?? Date.now() % 1_000_000);
    console.log(`AGLAIS_TEST_SEED=${seed}`);
    const random = randomFrom(seed);
    drivers = watchDrivers();
    const { seen } = drivers;
    let client = await start();

    // To have a finding: an executor is killed in the middle of a job.
    const first = await client.request('k0');
    await client.until(first.id, 'ready');
    const job = runPython(
      await client.endpoint(first.id),
      `
def slowly(frames):
    import time
    for frame in frames:
        time.sleep(0.5)
        yield frame
print(spark.range(0, 12, 1, 12).mapInPandas(slowly, "id long").count())`
    );
    const victim = await eventually('an executor at work', async () => {
      const { stages, executors } = await client.cluster(first.id);
      const busy = stages.some(({ tasks }) => tasks.done > 0);
      const processes = busy && executors.length > 0 ? await clusterProcesses(clusters) : [];
      return processes.find(({ role }) => role === 'executor');
    });
    process.kill(victim.pid, 'SIGKILL');
    const found = await eventually('the finding', async () =>
      (await findings(client)).find(({ finding }) => finding.code === 'executor-lost')
    );
    expect((await job).stdout.trim()).toBe('12');
    await client.post(`/clusters/${first.id}/findings/${found.finding.id}/dismiss`, {});

    /**
     * The latest response of the server: the kernel's cluster, or that it has none. Unknown after a response that never
     * arrived.
     */
    const promised = new Map<string, string | null>([['k0', first.id]]);
    for (let kill = 1; kill <= KILLS; kill += 1) {
      const kernel = KERNELS[random(KERNELS.length)]!;
      const known = promised.get(kernel);
      const action = known ? ['ask', 'stop', 'restart'][random(3)]! : 'ask';
      promised.delete(kernel);
      const asked = (async () => {
        if (action === 'stop') {
          if ((await client.delete(`/clusters/${known}`)).status === 202)
            promised.set(kernel, null);
        } else if (action === 'restart') {
          const answer = await client.post<Cluster>(`/clusters/${known}/restart`, {});
          if (answer.status === 201) promised.set(kernel, answer.body.id);
        } else {
          promised.set(kernel, (await client.request(kernel, SMALL)).id);
        }
        // The server is killed while it responds: that is what is tested.
      })().catch(() => undefined);
      await sleep(random(4) === 0 ? random(50) : 50 + random(1_450));
      await end('SIGKILL');
      await asked;
      client = await start();

      const now = await list(client);
      for (const [of, id] of promised) {
        const live = now.filter(cluster => cluster.kernel === of && wanted(cluster));
        expect([kill, action, of, live.map(cluster => cluster.id)]).toEqual([
          ...[kill, action, of, id === null ? [] : [id]]
        ]);
      }
      expect([kill, now.filter(({ state }) => state === 'failed').map(c => c.reason)]).toEqual([
        kill,
        []
      ]);
      // From now on the response of the server is known again.
      for (const of of KERNELS) {
        promised.set(of, now.find(c => c.kernel === of && wanted(c))?.id ?? null);
      }
    }

    await eventually('rest', async () =>
      (await list(client)).every(({ state }) => ['ready', 'stopped', 'failed'].includes(state))
    );
    const ready = (await list(client)).filter(({ state }) => state === 'ready');
    expect((await list(client)).filter(({ state }) => state === 'failed')).toEqual([]);
    expect(ready.map(({ id }) => id)).toContain(first.id);
    const processes: ClusterProcess[] = await clusterProcesses(clusters);
    const running = processes.filter(({ role }) => role === 'driver').map(({ cluster }) => cluster);
    expect(running.sort()).toEqual(ready.map(({ id }) => id).sort());
    const strangers = processes.filter(({ cluster }) => !running.includes(cluster));
    expect(strangers.map(({ command }) => command)).toEqual([]);
    const twice = [...seen].filter(([, names]) => names.size > 1);
    expect(twice).toEqual([]);
    // Nor between two polls: each driver starts its events with one line.
    for (const id of await readdir(clusters)) {
      const events = await readFile(join(clusters, id, 'live.jsonl'), 'utf8').catch(() => '');
      expect([id, events.split('"SparkListenerLogStart"').length - 1]).toEqual([
        id,
        events === '' ? 0 : 1
      ]);
    }
    expect(await findings(client)).toMatchObject([
      {
        cluster: first.id,
        dismissed: true,
        finding: { id: found.finding.id, code: 'executor-lost' }
      }
    ]);
    console.log(
      `${seen.size} drivers were started; ${ready.length} clusters were ready in the end`
    );

    // Every cluster still works, and the last server stops them all when it shuts down.
    const run = await runPython(await client.endpoint(first.id), 'print(spark.range(5).count())');
    expect(run.stdout.trim()).toBe('5');
    await end('SIGTERM');
    expect(server!.exitCode).toBe(0);
    expect(await clusterProcesses(clusters)).toEqual([]);
  },
  10 * 60_000
);
