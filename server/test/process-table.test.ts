import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import {
  descendants,
  findProcess,
  parseProcessName,
  readProcess,
  readProcesses,
  signal
} from '../src/launchers/local/process-table.js';
import { eventually, temporaryDirectory } from './support/server.js';

const directory = temporaryDirectory();
afterAll(directory.remove);

/** A process as Linux shows it in /proc (proc(5)). */
function fakeProcess(
  pid: number,
  name: string,
  state: string,
  parent: number,
  command: string[]
): void {
  const path = join(directory.path, String(pid));
  mkdirSync(path);
  const before = `${parent} 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 30 0`;
  writeFileSync(
    join(path, 'stat'),
    `${pid} (${name}) ${state} ${before} 987654 1000000 2560 18446744\n`
  );
  writeFileSync(join(path, 'cmdline'), command.map(part => `${part}\0`).join(''));
}

describe('The process table', () => {
  it('reads parent, start, memory and command, whatever the name is', async () => {
    fakeProcess(10, 'a) S 1 (b c', 'S', 7, ['java', '-cp', 'x y']);
    expect(await readProcess(10, directory.path)).toEqual({
      pid: 10,
      parent: 7,
      start: '987654',
      rssMiB: 10,
      command: 'java -cp x y'
    });
  });

  it('omits zombies, dead processes, and entries that are not processes', async () => {
    fakeProcess(11, 'gone', 'Z', 10, []);
    fakeProcess(12, 'dead', 'X', 10, []);
    mkdirSync(join(directory.path, 'self'));
    mkdirSync(join(directory.path, '13'));
    expect((await readProcesses(directory.path)).map(({ pid }) => pid)).toEqual([10]);
  });

  it('finds all descendants of a process, without the process itself', () => {
    const one = (pid: number, parent: number) => ({
      pid,
      parent,
      start: '',
      command: '',
      rssMiB: 0
    });
    const table = [one(1, 0), one(2, 1), one(3, 2), one(4, 3), one(5, 1), one(6, 99)];
    expect(descendants(table, 2).map(({ pid }) => pid)).toEqual([3, 4]);
  });

  it.each([
    ['17 987654\n', { pid: 17, start: '987654' }],
    ['17 Sat_Nov_21', { pid: 17, start: 'Sat_Nov_21' }],
    ['stopped\n', null],
    ['', null],
    ['17 \n', null]
  ])('parses %j as %j', (text, name) => expect(parseProcessName(text)).toEqual(name));

  it('distinguishes a process from a later one with the same id by its start time, and never signals the other', async () => {
    const child = spawn('sleep', ['60']);
    const ended = new Promise(resolve => child.once('close', (_code, kind) => resolve(kind)));
    const found = await eventually('the process', () => readProcess(child.pid!));
    const other = { pid: found.pid, start: `${found.start}0` };
    expect(await findProcess(other)).toBeNull();
    expect(await signal(other, 'SIGKILL')).toBe(false);
    expect(await findProcess(found)).toMatchObject({ pid: found.pid });
    expect(await signal(found, 'SIGKILL')).toBe(true);
    expect(await ended).toBe('SIGKILL');
    expect(await signal(found, 'SIGKILL')).toBe(false);
  });
});
