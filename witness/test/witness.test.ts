import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { testCertificate, type TestCertificate } from './support/certificate.js';
import { ask, text } from './support/request.js';

const checkout = resolve(import.meta.dirname, '../..');
const tsc = join(checkout, 'node_modules', '.bin', 'tsc');

describe('The program', () => {
  let built: string;
  let place: string;
  let identity: TestCertificate;
  let witness: ChildProcess;
  let output: string;

  // In the image there is nothing else: no packages, no package.json.
  beforeAll(() => {
    built = mkdtempSync(join(tmpdir(), 'aglais-witness-built-'));
    const types = join(checkout, 'node_modules', '@types');
    execFileSync(tsc, ['-p', join(checkout, 'witness'), '--outDir', built, '--typeRoots', types]);
    identity = testCertificate();
  }, 120_000);
  afterAll(() => rmSync(built, { recursive: true }));

  beforeEach(() => {
    place = mkdtempSync(join(tmpdir(), 'aglais-witness-'));
    mkdirSync(join(place, 'aglais'));
    mkdirSync(join(place, 'secret'));
    writeFileSync(join(place, 'secret/tls.key'), identity.key);
    writeFileSync(join(place, 'secret/tls.crt'), identity.certificate);
    writeFileSync(join(place, 'secret/witness-token'), 'token\n');
  });
  afterEach(() => {
    witness.kill('SIGKILL');
    rmSync(place, { recursive: true });
  });

  function start(more: Record<string, string> = {}, command = [process.execPath, program()]): void {
    output = '';
    witness = spawn(command[0]!, command.slice(1), {
      env: {
        PATH: process.env['PATH'],
        AGLAIS_DIRECTORY: join(place, 'aglais'),
        AGLAIS_SECRET: join(place, 'secret'),
        AGLAIS_WITNESS_PORT: '0',
        AGLAIS_CONNECT_PORT: '0',
        AGLAIS_SPARK_PORT: '1',
        ...more
      }
    });
    for (const stream of [witness.stdout!, witness.stderr!]) {
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    }
  }

  const program = () => join(built, 'witness.js');
  /** With the script that is the entry point of the container. */
  function startByScript(): void {
    const script = join(checkout, 'interpreters/spark/image/witness.sh');
    start({ AGLAIS_NODE: process.execPath, AGLAIS_WITNESS: program() }, ['bash', script]);
  }
  const childOf = (pid: number) =>
    Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0]);

  async function said(words: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = words.exec(output);
      if (found) return found;
      await Promise.race([once(witness.stdout!, 'data'), once(witness.stderr!, 'data')]);
    }
  }

  it('outlives the driver until its reader has everything', async () => {
    start();
    const port = Number((await said(/witness at port (\d+)/))[1]);
    const get = (path: string, method = 'GET') =>
      ask({ port, ca: identity.certificate, token: 'token', path, method });
    const log = join(place, 'aglais', 'driver.log');
    writeFileSync(log, 'words ');
    const following = get('/files/driver.log?follow=1').then(text);
    appendFileSync(log, 'last words');
    const exited = once(witness, 'exit');
    witness.kill('SIGTERM');
    expect(await following).toBe('words last words');
    expect(JSON.parse(await text(await get('/files'))).over).toBe(true);
    expect(witness.exitCode).toBeNull();
    expect((await get('/done', 'POST')).statusCode).toBe(200);
    expect(await exited).toEqual([0, null]);
  });

  it('is restarted immediately when it is killed, and serves what was written meanwhile', async () => {
    startByScript();
    await said(/witness at port (\d+)/);
    // If it exits within seconds of its start, restarting is left to the kubelet.
    await sleep(5_500);
    output = '';
    const begun = Date.now();
    process.kill(childOf(witness.pid!), 'SIGKILL');
    writeFileSync(join(place, 'aglais', 'driver.log'), 'words');
    const port = Number((await said(/witness at port (\d+)/))[1]);
    expect(Date.now() - begun).toBeLessThan(5_000);
    const asked = { port, ca: identity.certificate, token: 'token' };
    expect(await text(await ask({ ...asked, path: '/files/driver.log' }))).toBe('words');
    // The driver ends: the new one gets the signal and waits for its reader, as the first would have.
    const exited = once(witness, 'exit');
    witness.kill('SIGTERM');
    await said(/the driver has ended/);
    await ask({ ...asked, path: '/done', method: 'POST' });
    expect(await exited).toEqual([0, null]);
  }, 60_000);

  it('knows that the driver has ended although it was restarted after that', async () => {
    startByScript();
    await said(/witness at port (\d+)/);
    await sleep(5_500);
    witness.kill('SIGTERM');
    await said(/the driver has ended/);
    output = '';
    process.kill(childOf(witness.pid!), 'SIGKILL');
    const port = Number((await said(/witness at port (\d+)/))[1]);
    await said(/the driver has ended/);
    const asked = { port, ca: identity.certificate, token: 'token' };
    expect(JSON.parse(await text(await ask({ ...asked, path: '/files' }))).over).toBe(true);
    const exited = once(witness, 'exit');
    await ask({ ...asked, path: '/done', method: 'POST' });
    expect(await exited).toEqual([0, null]);
  }, 60_000);

  it('that cannot start is left to the kubelet', async () => {
    rmSync(join(place, 'secret'), { recursive: true });
    startByScript();
    expect((await once(witness, 'exit'))[0]).toBe(1);
    expect(output).not.toContain('is started again');
  }, 30_000);

  it('reports what is missing and exits', async () => {
    start({ AGLAIS_SPARK_PORT: 'x' });
    expect((await once(witness, 'exit'))[0]).toBe(1);
    expect(output).toContain('AGLAIS_SPARK_PORT is not a port.');
    start({ AGLAIS_SECRET: '' });
    expect((await once(witness, 'exit'))[0]).toBe(1);
    expect(output).toContain('AGLAIS_SECRET is not set.');
  });
});
