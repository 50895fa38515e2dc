import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster, Endpoint, Problem, Shape } from '@aglais/protocol';
import { pino } from 'pino';
import { readConfig, startServer } from '../../src/index.js';

const checkout = resolve(import.meta.dirname, '../../..');

/** What the setup created in this checkout. */
export const sparkHome = join(checkout, '.venv', 'spark');
export const python = join(checkout, '.venv', 'bin', 'python');
export const node = join(checkout, 'node_modules', '.bin', 'node');
export const builtServer = join(checkout, 'server', 'dist', 'main.js');

/** Spark may take this long on a busy machine, ms. */
export const PATIENCE_MS = 120_000;

export const SMALL: Shape = {
  driverMemoryMiB: 512,
  executors: { min: 1, max: 1 },
  executorMemoryMiB: 512,
  executorOverheadMiB: 256,
  executorCores: 1
};

/** A directory for one test file, and its removal. */
export function temporaryDirectory(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'aglais-test-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** The environment of a server whose state, data and shares are in `directory`. */
export function environment(
  directory: string,
  more: Record<string, string> = {}
): Record<string, string> {
  if (!existsSync(join(sparkHome, 'jars', 'aglais.jar'))) {
    throw new Error('Spark is not set up in this checkout; run "npm run setup" first.');
  }
  return {
    AGLAIS_STATE: join(directory, 'state'),
    AGLAIS_DATA: join(directory, 'data'),
    AGLAIS_CATALOGUES: join(directory, 'catalogues'),
    AGLAIS_SPARK_HOME: sparkHome,
    AGLAIS_PYTHON: python,
    AGLAIS_JAVA: readFileSync(join(checkout, '.venv', 'java.txt'), 'utf8').trim(),
    AGLAIS_SHAPE: JSON.stringify(SMALL),
    // Tests count processes and memory; those of spares enable them.
    AGLAIS_SPARES: '0',
    ...more
  };
}

export interface Answer<T = unknown> {
  status: number;
  type: string;
  body: T;
}

/** A client of the API with one token. */
export class Client {
  constructor(
    readonly url: string,
    readonly token: string | null
  ) {}

  /** @param body sent as JSON; a string is sent verbatim */
  async send<T = unknown>(method: string, path: string, body?: unknown): Promise<Answer<T>> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        ...(this.token !== null && { Authorization: `Bearer ${this.token}` }),
        ...(body !== undefined && { 'Content-Type': 'application/json' })
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) })
    });
    const text = await response.text();
    const type = (response.headers.get('content-type') ?? '').split(';')[0]!;
    return {
      status: response.status,
      type,
      body: (type.endsWith('json') ? JSON.parse(text) : text) as T
    };
  }

  get<T>(path: string): Promise<Answer<T>> {
    return this.send<T>('GET', `/api/v1${path}`);
  }

  post<T>(path: string, body: unknown): Promise<Answer<T>> {
    return this.send<T>('POST', `/api/v1${path}`, body);
  }

  delete<T>(path: string): Promise<Answer<T>> {
    return this.send<T>('DELETE', `/api/v1${path}`);
  }

  put<T>(path: string, body: unknown): Promise<Answer<T>> {
    return this.send<T>('PUT', `/api/v1${path}`, body);
  }

  async cluster(id: string): Promise<Cluster> {
    return (await this.get<Cluster>(`/clusters/${id}`)).body;
  }

  async endpoint(id: string): Promise<Endpoint> {
    return (await this.get<Endpoint>(`/clusters/${id}/endpoint`)).body;
  }

  /** Requests the kernel's cluster. */
  async request(kernel: string, shape?: Shape): Promise<Cluster> {
    const asked = { kernel, notebook: `${kernel}.ipynb`, ...(shape && { shape }) };
    const { status, body } = await this.post<Cluster>('/clusters', asked);
    if (status >= 300) throw new Error((body as unknown as Problem).detail);
    return body;
  }

  /** The cluster once it is in one of the states; fails if it ends in another. */
  async until(id: string, ...states: Cluster['state'][]): Promise<Cluster> {
    const deadline = Date.now() + PATIENCE_MS;
    let cluster = await this.cluster(id);
    while (!states.includes(cluster.state)) {
      const over = cluster.state === 'stopped' || cluster.state === 'failed';
      if (over || Date.now() > deadline) {
        throw new Error(
          `cluster ${id} is ${cluster.state}, not ${states.join()}: ${cluster.reason}`
        );
      }
      const query = `afterRevision=${cluster.revision}&waitMs=5000`;
      cluster = (await this.get<Cluster>(`/clusters/${id}?${query}`)).body;
    }
    return cluster;
  }
}

export interface TestServer {
  directory: string;
  user: Client;
  browser: Client;
  nobody: Client;
  /** Lines of its log at level warn and above. */
  complaints: string[];
  close(): Promise<void>;
}

/** A real server in this process; its state is in `directory`. */
export async function serve(
  directory: string,
  more: Record<string, string> = {}
): Promise<TestServer> {
  const complaints: string[] = [];
  const log = pino({ level: 'warn' }, { write: line => complaints.push(line) });
  const env = environment(directory, more);
  const server = await startServer(readConfig(env), log);
  await server.ready;
  const token = async (name: string) =>
    (await readFile(join(env['AGLAIS_STATE']!, name), 'utf8')).trim();
  return {
    directory,
    user: new Client(server.url, await token('token')),
    browser: new Client(server.url, await token('browser-token')),
    nobody: new Client(server.url, null),
    complaints,
    close: () => server.close()
  };
}

/** Waits until `look` returns a value; fails with `what` if it never does. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | null | undefined | false> | T | null | undefined | false,
  withinMs = PATIENCE_MS
): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`never seen: ${what}`);
    await sleep(50);
  }
}
