import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster, Endpoint } from '@aglais/protocol';
import { checkout } from './installation.js';

export interface Lab {
  /** Contains the token. */
  url: string;
  serverPid: number;
  /** Seconds from the command to a usable Lab. */
  startSeconds: number;
  /** Starts a cluster as a kernel of that name would; resolves to its Spark Connect URL with the token. */
  cluster(kernel: string): Promise<string>;
  call<T>(method: string, path: string, body?: unknown): Promise<T>;
  close(): Promise<void>;
}

/** Everything that `npm start` starts, with its own state directory. */
export async function openLab(): Promise<Lab> {
  const state = await mkdtemp(join(tmpdir(), 'aglais-bench-lab-'));
  const begun = Date.now();
  const child = spawn(process.execPath, [join(checkout, 'setup', 'start.mjs')], {
    env: { ...process.env, AGLAIS_STATE: state, AGLAIS_NO_BROWSER: '1' },
    stdio: ['ignore', 'pipe', 'inherit']
  });
  const ended = new Promise(resolve => child.once('close', resolve));
  let url = '';
  for await (const line of createInterface({ input: child.stdout })) {
    const found = /^\s*(http:\/\/\S+)$/.exec(line);
    if (!found) continue;
    url = found[1]!;
    break;
  }
  if (!url) throw new Error('The Lab did not start.');
  child.stdout.resume();
  const log = await readFile(join(state, 'logs', 'server.log'), 'utf8');
  const address = /"url":"(http:[^"]+)"/.exec(log)![1]!;
  const serverPid = Number((await readFile(join(state, 'server.lock'), 'utf8')).split(' ')[0]);
  const token = (await readFile(join(state, 'token'), 'utf8')).trim();

  async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${address}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) })
    });
    if (!response.ok) throw new Error(await response.text());
    return (await response.json()) as T;
  }

  return {
    url,
    serverPid,
    startSeconds: (Date.now() - begun) / 1000,
    call,
    async cluster(kernel) {
      let cluster = await call<Cluster>('POST', '/clusters', {
        kernel,
        notebook: `${kernel}.ipynb`
      });
      while (cluster.state !== 'ready') {
        await sleep(100);
        cluster = await call<Cluster>('GET', `/clusters/${cluster.id}`);
      }
      const endpoint = await call<Endpoint>('GET', `/clusters/${cluster.id}/endpoint`);
      return `${endpoint.url}/;token=${endpoint.token}`;
    },
    async close() {
      child.kill('SIGTERM');
      await ended;
      await rm(state, { recursive: true, force: true });
    }
  };
}
