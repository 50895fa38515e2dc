import { spawn, spawnSync } from 'node:child_process';
import { Buffer } from 'node:buffer';
import { appendFileSync, copyFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Report } from '@aglais/protocol';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { beginning, END, Folder, killedOnce, linesOf } from './logs.js';

const root = join(import.meta.dirname, '..', '..');
const aglais = join(root, 'command', 'bin', 'aglais.mjs');
// Processes and files: slow on a busy machine.
jest.setTimeout(60_000);

let folder: Folder;

beforeAll(() => {
  folder = new Folder();
  // Tests the current sources, not an old build.
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const built = spawnSync(process.execPath, [tsc, '-b', join(root, 'command')], {
    encoding: 'utf8'
  });
  expect(built.stdout).toBe('');
}, 180_000);
afterAll(() => folder.remove());

const run = (args: string[], input = '') =>
  spawnSync(process.execPath, [aglais, ...args], { encoding: 'utf8', input });

describe('The program', () => {
  it('reads standard input', () => {
    const { status, stdout, stderr } = run(
      ['diagnose', '-'],
      linesOf([...beginning(), ...killedOnce(), END])
    );
    expect(stderr).toBe('');
    expect(stdout).toContain('Executor 1 was killed');
    expect(status).toBe(1);
  });

  it('reads many logs in threads and prints them in order', () => {
    const many = Array.from({ length: 12 }, (_, index) => `app-${10 + index}`);
    const paths = many.map(id => folder.write(id, [...beginning('x', id), END]));
    const { status, stdout } = run(['diagnose', ...paths, 'no-such-file', '--format', 'json']);
    const report = Report.parse(JSON.parse(stdout));
    expect(report.applications.map(({ id }) => id)).toEqual(many);
    expect(report.unread.map(({ path }) => path)).toEqual(['no-such-file']);
    expect(status).toBe(2);
  });

  it('exits immediately and silently when its reader closes the stream', async () => {
    const paths = Array.from({ length: 40 }, (_, index) =>
      folder.write(`pipe-${index}`, [...beginning('x', `app-${index}`), ...killedOnce(), END])
    );
    const child = spawn(process.execPath, [aglais, 'diagnose', ...paths, '--format', 'json']);
    let stderr = '';
    child.stderr.on('data', (text: Buffer) => (stderr += text.toString()));
    child.stdout.once('data', () => child.stdout.destroy());
    const code = await new Promise(resolve => child.once('exit', resolve));
    expect(stderr).toBe('');
    expect([0, 1]).toContain(code);
  });

  it('follows a log until Ctrl-C, and returns an exit status for its findings', async () => {
    const path = folder.write('live', beginning());
    const child = spawn(process.execPath, [aglais, 'diagnose', path, '--follow']);
    const ended = new Promise(resolve => child.once('exit', resolve));
    let stdout = '';
    child.stdout.on('data', (text: Buffer) => {
      stdout += text.toString();
      if (stdout.includes('was killed')) child.kill('SIGINT');
      else if (stdout.includes('No problems found') && !stdout.includes('killed')) {
        appendFileSync(path, linesOf(killedOnce()));
      }
    });
    expect(await ended).toBe(1);
  });

  it('says how to build it if it was not built', () => {
    const copy = join(folder.path, 'command', 'bin', 'aglais.mjs');
    mkdirSync(dirname(copy), { recursive: true });
    copyFileSync(aglais, copy);
    const { status, stderr } = spawnSync(process.execPath, [copy, 'diagnose', 'x'], {
      encoding: 'utf8'
    });
    expect([status, stderr]).toEqual([2, expect.stringContaining('npm run setup')]);
  });
});
