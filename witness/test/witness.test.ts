import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
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

  // Where the image has it there is nothing else: no packages, no package.json.
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

  function start(more: Record<string, string> = {}): void {
    output = '';
    witness = spawn(process.execPath, [join(built, 'witness.js')], {
      env: {
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

  it('says what it lacks and ends', async () => {
    start({ AGLAIS_SPARK_PORT: 'x' });
    expect((await once(witness, 'exit'))[0]).toBe(1);
    expect(output).toContain('AGLAIS_SPARK_PORT is not a port.');
    start({ AGLAIS_SECRET: '' });
    expect((await once(witness, 'exit'))[0]).toBe(1);
    expect(output).toContain('AGLAIS_SECRET is not set.');
  });
});
