import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { usageOf } from '../process-usage.js';
import { checkout } from '../installation.js';

export interface Usage {
  /** Percent of one core. */
  cpu: number;
  /** From the API server. */
  receivedKiBs: number;
  eventLoopP99Ms: number;
}

/** The built server as in production: a separate process, which can be killed and restarted. */
export class ScaleServer {
  private child: ChildProcess | null = null;
  url = '';
  token = '';

  /** @param directory with `kubernetes.yaml` and `catalogues/`; also contains the server's state */
  constructor(private readonly directory: string) {}

  async start(): Promise<void> {
    const state = join(this.directory, 'server');
    await mkdir(state, { recursive: true });
    const child = spawn(process.execPath, [join(checkout, 'server', 'dist', 'main.js')], {
      env: {
        ...process.env,
        AGLAIS_STATE: state,
        AGLAIS_CATALOGUES: join(this.directory, 'catalogues'),
        AGLAIS_LAUNCHER: 'kubernetes',
        AGLAIS_KUBERNETES: join(this.directory, 'kubernetes.yaml'),
        AGLAIS_START_SECONDS: '600',
        AGLAIS_END_WITH_PARENT: 'true'
      },
      stdio: ['ignore', 'pipe', 'inherit']
    });
    this.child = child;
    const lines = createInterface({ input: child.stdout });
    this.url = await new Promise((resolve, reject) => {
      lines.on('line', line => {
        const entry = JSON.parse(line) as { level: number; msg: string; url?: string };
        if (entry.msg === 'Aglais is ready') resolve(entry.url!);
        else if (entry.level >= 40) console.error(line.slice(0, 400));
      });
      child.once('close', code => reject(new Error(`The server ended with ${code}.`)));
    });
    this.token = (await readFile(join(state, 'token'), 'utf8')).trim();
  }

  async kill(): Promise<void> {
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise(resolve => child.once('close', resolve));
    child.kill('SIGKILL');
    await gone;
  }

  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${this.token}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) })
    });
    if (!answer.ok) throw new Error(await answer.text());
    return (await answer.json()) as T;
  }

  /** All metrics without labels. */
  async metrics(): Promise<Record<string, number>> {
    const answer = await fetch(`${this.url}/metrics`, {
      headers: { authorization: `Bearer ${this.token}` }
    });
    const rows = (await answer.text()).matchAll(/^(\w+) (\S+)$/gm);
    return Object.fromEntries([...rows].map(([, name, value]) => [name!, Number(value)]));
  }

  async memoryMiB(): Promise<number> {
    return (await usageOf(this.child!.pid!)).rssMiB;
  }

  async usage(ms: number): Promise<Usage> {
    const [metrics, before] = [await this.metrics(), await usageOf(this.child!.pid!)];
    await sleep(ms);
    const [now, after] = [await this.metrics(), await usageOf(this.child!.pid!)];
    const received = 'aglais_kubernetes_received_bytes_total';
    return {
      cpu: ((after.cpuMs - before.cpuMs) / ms) * 100,
      receivedKiBs: (now[received]! - metrics[received]!) / 1_024 / (ms / 1_000),
      eventLoopP99Ms: now['nodejs_eventloop_lag_p99_seconds']! * 1_000
    };
  }
}
