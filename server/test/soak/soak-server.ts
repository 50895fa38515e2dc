import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { builtServer, Client, node } from '../support/server.js';

/** What the server's process holds after a collection of everything that is unused. */
export interface Held {
  heapBytes: number;
  externalBytes: number;
  rssBytes: number;
  /** Open file descriptors. */
  files: number;
  /** What its event loop waits for: timers, sockets, calls of the file system. */
  resources: string[];
}

/** The built server as a process of its own: what it holds is not mixed with what the test holds. */
export class SoakServer {
  private constructor(
    private readonly child: ChildProcess,
    readonly client: Client,
    /** Lines of its log at level warn and above. */
    readonly complaints: readonly string[]
  ) {}

  static async start(env: Record<string, string>): Promise<SoakServer> {
    const probe = join(import.meta.dirname, 'probe.mjs');
    const child = spawn(node, ['--expose-gc', '--import', probe, builtServer], {
      env: { ...process.env, ...env, AGLAIS_END_WITH_PARENT: 'true' },
      stdio: ['ignore', 'pipe', 'inherit', 'ipc']
    });
    const complaints: string[] = [];
    const url = await new Promise<string>((resolve, reject) => {
      child.once('exit', code => reject(new Error(`the server ended with ${code}`)));
      createInterface({ input: child.stdout! }).on('line', line => {
        const entry = JSON.parse(line) as { level: number; msg: string; url?: string };
        if (entry.level >= 40) complaints.push(line);
        if (entry.msg === 'Aglais is ready') resolve(entry.url!);
      });
    });
    const token = readFileSync(join(env['AGLAIS_STATE']!, 'token'), 'utf8').trim();
    return new SoakServer(child, new Client(url, token), complaints);
  }

  /** @param snapshot a file into which it writes what is in its heap; empty: none */
  async held(snapshot = ''): Promise<Held> {
    const answer = once(this.child, 'message');
    this.child.send(snapshot);
    const [held] = (await answer) as [Held];
    return held;
  }

  /** Those of Aglais itself, by name without its prefix; of one with labels the sum. */
  async metrics(): Promise<Map<string, number>> {
    const { body } = await this.client.send<string>('GET', '/metrics');
    const sums = new Map<string, number>();
    for (const [, name, value] of body.matchAll(/^aglais_(\w+)(?:\{[^}]*\})? (\S+)$/gm))
      sums.set(name!, (sums.get(name!) ?? 0) + Number(value));
    return sums;
  }

  async end(): Promise<void> {
    const { child } = this;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    await gone;
  }
}
