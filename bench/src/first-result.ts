import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '@aglais/protocol';
import { checkout, openServer, python, type BenchServer } from './installation.js';
import { median, percentile, printTable, seconds } from './report.js';

const ROUNDS = { cold: 3, spare: 20, 'at-once': 4 };
const SPARE_MS = 300_000;
/** A spare that finishes no query for this long has finished its warm-up, ms. */
const QUIET_MS = 10_000;

/** Opens a server that keeps so many spares. */
type Open = (spares: number) => Promise<BenchServer>;

/** A kernel that is ready to run the cell. */
interface Kernel {
  /** Seconds from pressing Run to the result. */
  run(): Promise<number>;
  close(): Promise<void>;
}

/**
 * From pressing Run in a new notebook to the first result of a small aggregate on a share, as a user experiences it.
 * @param args `--cold=3 --spare=20 --at-once=4`
 */
export async function benchFirstResult(
  args: readonly string[] = [],
  where = 'this machine',
  open: Open = spares => openServer({ AGLAIS_SPARES: String(spares) })
): Promise<void> {
  const option = (name: keyof typeof ROUNDS): number => {
    const given = args.find(arg => arg.startsWith(`--${name}=`));
    return given ? Number(given.split('=')[1]) : ROUNDS[name];
  };
  const [coldRounds, spareRounds] = [option('cold'), option('spare')];
  const atOnce = option('at-once');
  const cold = await withServer(open, 0, async server => {
    const times: number[] = [];
    for (let round = 0; round < coldRounds; round += 1) times.push(...(await runAtOnce(server, 1)));
    return { times, four: await runAtOnce(server, atOnce) };
  });
  const spare = await withServer(open, 1, async server => {
    const times: number[] = [];
    for (let round = 0; round < spareRounds; round += 1) {
      await untilSpare(server);
      times.push(...(await runAtOnce(server, 1)));
    }
    if (atOnce > 0) await untilSpare(server);
    return { times, four: await runAtOnce(server, atOnce) };
  });
  const row = (name: string, times: number[], four: number[]) => [
    name,
    seconds(median(times) * 1_000),
    seconds(percentile(times, 0.95) * 1_000),
    (median(times) / median(cold.times)).toFixed(2),
    four
      .sort((a, b) => a - b)
      .map(time => seconds(time * 1_000))
      .join(', ')
  ];
  printTable(
    `First result of a fresh notebook, ${where}: ${coldRounds} cold, ${spareRounds} with a spare`,
    [
      ['', 'median', 'p95', 'ratio', `${atOnce} notebooks at once`],
      row('no spare', cold.times, cold.four),
      row('one spare', spare.times, spare.four)
    ]
  );
}

async function withServer<T>(
  open: Open,
  spares: number,
  work: (server: BenchServer) => Promise<T>
): Promise<T> {
  const server = await open(spares);
  try {
    // Spares wait until a Jupyter Server reports.
    await server.call('PUT', '/jupyter-servers/bench/kernels', { kernels: [] });
    return await work(server);
  } finally {
    await server.close();
  }
}

/** A user who starts JupyterLab and opens a notebook leaves a spare the time to warm up. */
async function untilSpare(server: BenchServer): Promise<void> {
  const deadline = Date.now() + SPARE_MS;
  let [finished, changedAt] = [0, Date.now()];
  while (finished === 0 || Date.now() - changedAt < QUIET_MS) {
    if (Date.now() > deadline) throw new Error('no spare became warm');
    await sleep(500);
    const { clusters } = await server.call<{ clusters: Cluster[] }>('GET', '/clusters');
    const spare = clusters.find(one => one.spare && one.state === 'ready');
    const now = spare ? await finishedOperations(server, spare.id) : 0;
    if (now !== finished) [finished, changedAt] = [now, Date.now()];
  }
}

async function finishedOperations(server: BenchServer, cluster: string): Promise<number> {
  const events = join(server.directory, 'clusters', cluster, 'live.jsonl');
  const text = await readFile(events, 'utf8').catch(() => '');
  return text.split('SparkListenerConnectOperationClosed"').length - 1;
}

async function runAtOnce(server: BenchServer, count: number): Promise<number[]> {
  const kernels = await Promise.all(Array.from({ length: count }, () => openKernel(server)));
  // The user reads the notebook before pressing Run.
  await sleep(5_000);
  try {
    const times = await Promise.all(kernels.map(kernel => kernel.run()));
    // A long run that is ended has shown something.
    console.log(times.map(time => seconds(time * 1_000)).join(', '));
    return times;
  } finally {
    await Promise.all(kernels.map(kernel => kernel.close()));
    await untilIdle(server);
  }
}

/** The clusters of the round are gone, so that the next one starts the same way. */
async function untilIdle(server: BenchServer): Promise<void> {
  const { clusters } = await server.call<{ clusters: Cluster[] }>('GET', '/clusters');
  const live = clusters.filter(one => !one.spare && one.stoppedAt === null);
  for (const { id } of live) await server.call('DELETE', `/clusters/${id}`);
  for (;;) {
    const now = await server.call<{ clusters: Cluster[] }>('GET', '/clusters');
    if (now.clusters.every(one => one.spare || one.stoppedAt !== null)) return;
    await sleep(200);
  }
}

async function openKernel(server: BenchServer): Promise<Kernel> {
  const directory = await mkdtemp(join(tmpdir(), 'aglais-kernel-'));
  const child = spawn(python, [join(checkout, 'bench', 'src', 'first_result.py'), directory], {
    env: {
      ...process.env,
      AGLAIS_URL: server.url,
      AGLAIS_TOKEN_FILE: join(server.directory, 'token'),
      AGLAIS_PRELOAD: 'true'
    },
    stdio: ['pipe', 'pipe', 'inherit']
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async <T>(): Promise<T> => {
    const { value, done } = await lines.next();
    if (done) throw new Error('the kernel ended');
    return JSON.parse(value) as T;
  };
  await answer();
  return {
    async run() {
      child.stdin.write('\n');
      const { seconds: time, error } = await answer<{ seconds: number; error: string }>();
      if (error) throw new Error(error);
      return time;
    },
    async close() {
      const closed = once(child, 'close');
      child.stdin.end();
      await closed;
      await rm(directory, { recursive: true, force: true });
    }
  };
}
