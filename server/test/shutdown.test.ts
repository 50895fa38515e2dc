import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { Shutdown } from '../src/shutdown.js';
import { endAll } from './support/processes.js';
import {
  builtServer,
  Client,
  environment,
  node,
  PATIENCE_MS,
  temporaryDirectory
} from './support/server.js';

const directory = temporaryDirectory();
const places: string[] = [];
afterAll(async () => {
  for (const place of places) await endAll(join(place, 'state', 'clusters'));
  directory.remove();
}, PATIENCE_MS);

/** A driver that ignores SIGTERM: the launcher kills it after some seconds. */
const STUBBORN = `#!/bin/sh
case "$1" in --list-modules) exit 0;; esac
trap '' TERM
exec sleep 300
`;

interface Run {
  child: ChildProcess;
  log: string[];
  client: Client;
  exit: Promise<unknown[]>;
}

/** The built server with one such driver. */
async function start(more: Record<string, string> = {}): Promise<Run> {
  const place = mkdtempSync(join(directory.path, 'server-'));
  places.push(place);
  const java = join(place, 'java');
  writeFileSync(java, STUBBORN);
  chmodSync(java, 0o700);
  const env = { ...process.env, ...environment(place, { AGLAIS_JAVA: java, ...more }) };
  const child = spawn(node, [builtServer], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  const log: string[] = [];
  const url = await new Promise<string>((resolve, reject) => {
    child.once('exit', code => reject(new Error(`the server ended with ${code}`)));
    createInterface({ input: child.stdout }).on('line', line => {
      log.push(line);
      const { msg, url } = JSON.parse(line) as { msg: string; url?: string };
      if (msg === 'Aglais is ready') resolve(url!);
    });
  });
  const token = readFileSync(join(place, 'state', 'token'), 'utf8').trim();
  const client = new Client(url, token);
  const { id } = await client.request('k1');
  let waitingFor: string | null = null;
  while (!waitingFor?.startsWith('the driver')) waitingFor = (await client.cluster(id)).waitingFor;
  return { child, log, client, exit };
}

describe('The server', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143]
  ] as const)(
    'that waits for a driver to end exits immediately on a second %s',
    async (signal, code) => {
      const { child, log, exit } = await start();
      child.kill(signal);
      while (!log.some(line => line.includes('shutting down'))) await once(child.stdout!, 'data');
      const began = performance.now();
      child.kill(signal);
      expect(await exit).toEqual([code, null]);
      expect(performance.now() - began).toBeLessThan(5_000);
    },
    90_000
  );

  it('leaves a driver that does not end in time, and its log says which', async () => {
    const { child, log } = await start({ AGLAIS_SHUTDOWN_SECONDS: '0.5' });
    // The log is complete when the streams are closed, which may come after the exit.
    const closed = once(child, 'close');
    child.kill('SIGTERM');
    expect(await closed).toEqual([0, null]);
    expect(log.join('\n')).toMatch(/Spark did not end in time. Left running: \w+ \(k1\.ipynb\)/);
  }, 90_000);
});

describe('The shutdown', () => {
  const log = pino({ level: 'silent' });

  it('ends parts in the reverse order of their start, also after one that fails', async () => {
    const shutdown = new Shutdown(1_000, log);
    const ended: string[] = [];
    for (const name of ['first', 'second', 'third'])
      await shutdown.add({
        name,
        end: async () => {
          ended.push(name);
          if (name === 'second') throw new Error('no');
        }
      });
    await shutdown.run();
    await shutdown.run();
    expect(ended).toEqual(['third', 'second', 'first']);
  });

  it('ends a part immediately that is started too late', async () => {
    const shutdown = new Shutdown(1_000, log);
    await shutdown.run();
    let isEnded = false;
    const late = shutdown.add({ name: 'late', end: async () => void (isEnded = true) });
    await expect(late).rejects.toThrow(/shutting down/);
    expect(isEnded).toBe(true);
  });
});
