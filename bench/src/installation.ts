import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { readConfig, startServer, type RunningServer } from '@aglais/server';
import { pino } from 'pino';

export const checkout = resolve(import.meta.dirname, '..', '..');
export const python = join(checkout, '.venv', 'bin', 'python');
export const sparkHome = join(checkout, '.venv', 'spark');

export async function java(): Promise<string> {
  return (await readFile(join(checkout, '.venv', 'java.txt'), 'utf8')).trim();
}

export interface BenchServer extends RunningServer {
  call<T>(method: string, path: string, body?: unknown): Promise<T>;
  directory: string;
}

/** A server for one benchmark, in a temporary directory that is removed afterwards. */
export async function openServer(more: Record<string, string> = {}): Promise<BenchServer> {
  const directory = await mkdtemp(join(tmpdir(), 'aglais-bench-'));
  const config = readConfig({
    AGLAIS_DATA: process.env.AGLAIS_DATA,
    AGLAIS_STATE: directory,
    AGLAIS_SPARK_HOME: sparkHome,
    AGLAIS_PYTHON: python,
    AGLAIS_JAVA: await java(),
    ...more
  });
  const server = await startServer(config, pino({ level: 'error' }));
  await server.ready;
  const token = (await readFile(join(directory, 'token'), 'utf8')).trim();
  return {
    ...server,
    directory,
    async call<T>(method: string, path: string, body?: unknown): Promise<T> {
      const response = await fetch(`${server.url}/api/v1${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) })
      });
      if (!response.ok) throw new Error(await response.text());
      return (response.status === 204 ? undefined : await response.json()) as T;
    },
    async close() {
      await server.close();
      await rm(directory, { recursive: true, force: true });
    }
  };
}
