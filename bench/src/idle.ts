import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Cluster, Endpoint } from '@aglais/protocol';
import { Client } from './client.js';
import { printTable } from './report.js';
import { checkout, java, python, sparkHome } from './installation.js';
import { usageOf } from './process-usage.js';

const SETTLE_MS = 45_000;
const WINDOW_S = 60;
const ROWS = 200_000;
/** Four clusters of the default shape, on any machine that can run the bench. */
const MEMORY_MIB = '14000';
const START_SECONDS = '900';

interface ServerProcess {
  pid: number;
  call<T>(method: string, path: string, body?: unknown): Promise<T>;
  /** Number of processes that it has started so far. */
  spawned(): Promise<number>;
  close(): Promise<void>;
}

/**
 * The cost of the server and its helpers while notebooks have an idle cluster. CPU time, not wall time: the machine may
 * be busy with something else.
 *
 *     npm run bench -- idle [--notebooks=0,1,4]
 */
export async function benchIdle(args: string[]): Promise<void> {
  const options = { notebooks: { type: 'string', default: '0,1,4' } } as const;
  const { values } = parseArgs({ args, options, strict: false });
  const rows: string[][] = [];
  for (const notebooks of String(values.notebooks).split(',').map(Number)) {
    const server = await openServerProcess();
    try {
      for (let index = 0; index < notebooks; index += 1) await useOnce(server, `idle-${index}`);
      await sleep(SETTLE_MS);
      const before = { cpuMs: await cpuMsOf(server.pid), spawned: await server.spawned() };
      await sleep(WINDOW_S * 1_000);
      const cpuMs = (await cpuMsOf(server.pid)) - before.cpuMs;
      const spawned = (await server.spawned()) - before.spawned;
      rows.push([
        String(notebooks),
        `${cpuMs.toFixed(0)} ms`,
        `${(cpuMs / WINDOW_S / 10).toFixed(2)} %`,
        String(spawned)
      ]);
      process.stdout.write('.');
    } finally {
      await server.close();
    }
  }
  printTable(`The server with idle notebooks, over ${WINDOW_S} s`, [
    ['notebooks', 'CPU time', 'of one core', 'processes started'],
    ...rows
  ]);
}

/** A server as `npm start` starts it, with its own state directory. */
async function openServerProcess(): Promise<ServerProcess> {
  const directory = await mkdtemp(join(tmpdir(), 'aglais-bench-idle-'));
  const spawns = join(directory, 'spawns');
  const counter = join(import.meta.dirname, 'count-spawns.js');
  const main = join(checkout, 'server', 'dist', 'main.js');
  const child = spawn(process.execPath, ['--import', counter, main], {
    env: {
      ...process.env,
      AGLAIS_STATE: directory,
      AGLAIS_SPARK_HOME: sparkHome,
      AGLAIS_PYTHON: python,
      AGLAIS_JAVA: await java(),
      AGLAIS_MEMORY_MIB: MEMORY_MIB,
      AGLAIS_START_SECONDS: START_SECONDS,
      AGLAIS_SPARES: '0',
      AGLAIS_BENCH_SPAWNS: spawns
    },
    stdio: ['ignore', 'pipe', 'inherit']
  });
  const ended = new Promise(resolve => child.once('close', resolve));
  let url = '';
  for await (const line of createInterface({ input: child.stdout })) {
    const entry = JSON.parse(line) as { msg?: string; url?: string };
    if (entry.msg !== 'Aglais listens') continue;
    url = entry.url!;
    break;
  }
  if (!url) throw new Error('The server ended before it listened.');
  child.stdout.resume();
  while (!(await fetch(`${url}/readyz`)).ok) await sleep(100);
  const token = (await readFile(join(directory, 'token'), 'utf8')).trim();
  return {
    pid: child.pid!,
    async call<T>(method: string, path: string, body?: unknown): Promise<T> {
      const response = await fetch(`${url}/api/v1${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) })
      });
      if (!response.ok) throw new Error(await response.text());
      return (await response.json()) as T;
    },
    spawned: async () => (await readFile(spawns, 'utf8').catch(() => '')).length,
    async close() {
      child.kill('SIGTERM');
      await ended;
      await rm(directory, { recursive: true, force: true });
    }
  };
}

/** A notebook requests its cluster and runs one query on it. */
async function useOnce(server: ServerProcess, kernel: string): Promise<void> {
  let cluster = await server.call<Cluster>('POST', '/clusters', {
    kernel,
    notebook: `${kernel}.ipynb`
  });
  while (cluster.state !== 'ready') {
    if (cluster.state === 'failed') throw new Error(cluster.reason ?? 'the cluster failed');
    const query = `afterRevision=${cluster.revision}&waitMs=10000`;
    cluster = await server.call<Cluster>('GET', `/clusters/${cluster.id}?${query}`);
  }
  const endpoint = await server.call<Endpoint>('GET', `/clusters/${cluster.id}/endpoint`);
  const client = await Client.open();
  try {
    await client.run({ url: `${endpoint.url}/;token=${endpoint.token}`, rows: ROWS });
  } finally {
    client.close();
  }
}

/** Of the server, its helpers that ended, and those that are running; drivers are not part of the server's cost. */
async function cpuMsOf(server: number): Promise<number> {
  const own = await usageOf(server);
  const helpers = await helpersOf(server);
  const usages = await Promise.all(helpers.map(pid => usageOf(pid).catch(() => null)));
  const sum = usages.reduce((ms, usage) => ms + (usage ? usage.cpuMs + usage.childrenCpuMs : 0), 0);
  return own.cpuMs + own.childrenCpuMs + sum;
}

async function helpersOf(server: number): Promise<number[]> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async pid => {
      const read = (file: string) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
      const stat = await read('stat');
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      const isHelper = parent === server && !(await read('cmdline')).includes('driver.sh');
      return isHelper ? Number(pid) : [];
    })
  );
  return found.flat();
}
