import { spawn, type ChildProcess } from 'node:child_process';
import { appendFileSync, mkdirSync, readFileSync, watch } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { builtServer, Client, node } from '../support/server.js';

/** The built server as a separate process, as in production, that can be killed at any time and restarted. */
export class ServerProcess {
  private child: ChildProcess | null = null;
  private gone: Promise<unknown> = Promise.resolve();
  /** Null while it is not running. */
  client: Client | null = null;
  starts = 0;

  /** @param log a file to which its output is appended */
  constructor(
    private readonly state: string,
    private readonly env: Record<string, string>,
    private readonly log: string
  ) {
    mkdirSync(state, { recursive: true });
  }

  /** Resolves when it is ready; with null if it was killed before. */
  async start(): Promise<Client | null> {
    const child = spawn(node, [builtServer], {
      env: { ...process.env, ...this.env, AGLAIS_END_WITH_PARENT: 'true' },
      stdio: ['ignore', 'pipe', 'pipe']
    });
    this.child = child;
    this.starts += 1;
    this.gone = new Promise(resolve => child.once('close', resolve));
    child.stderr.on('data', (text: Buffer) => appendFileSync(this.log, text));
    let isUp = false;
    await new Promise<void>(resolve => {
      child.once('close', resolve);
      createInterface({ input: child.stdout }).on('line', line => {
        appendFileSync(this.log, `${line}\n`);
        if (isUp || !line.includes('"Aglais is ready"')) return;
        isUp = true;
        const { url } = JSON.parse(line) as { url: string };
        const secrets = this.env['AGLAIS_SECRETS'] ?? this.state;
        this.client = new Client(url, readFileSync(join(secrets, 'token'), 'utf8').trim());
        resolve();
      });
    });
    if (!isUp && child.exitCode !== null) {
      throw new Error(`the server ended by itself, code ${child.exitCode}; see ${this.log}`);
    }
    return this.client;
  }

  /** Immediately; synchronous, so that nothing happens in between. */
  killNow(): void {
    this.client = null;
    this.child?.kill('SIGKILL');
  }

  async kill(): Promise<void> {
    this.killNow();
    await this.gone;
  }

  /** Freezes it until `thaw`. */
  freeze(): void {
    this.child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.child?.kill('SIGCONT');
  }

  /** A normal shutdown; returns its exit code. */
  async end(): Promise<number | null> {
    this.client = null;
    this.child?.kill('SIGTERM');
    await this.gone;
    return this.child?.exitCode ?? null;
  }

  get killed(): boolean {
    return this.child?.signalCode === 'SIGKILL';
  }

  /** Calls back at each write into its state directory (database, notes, evidence); returns a function to stop. */
  onDiskWrite(listener: () => void): () => void {
    const watching = watch(this.state, { recursive: true }, () => listener());
    watching.on('error', () => undefined);
    return () => watching.close();
  }
}
