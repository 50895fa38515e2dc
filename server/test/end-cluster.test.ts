import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { LocalLauncher } from '../src/launchers/local/local-launcher.js';
import { readFamily, readProcess, readStat } from '../src/launchers/local/process-table.js';
import { eventually, temporaryDirectory } from './support/server.js';

/** The time limits of a stop, added up, and some for a busy machine. */
const BOUND_MS = 60_000;

describe('A cluster that is stopped, or exits by itself', () => {
  let place: ReturnType<typeof temporaryDirectory>;
  let children: ChildProcess[];
  let launcher: LocalLauncher;
  const clusters = () => join(place.path, 'clusters');

  beforeEach(() => {
    place = temporaryDirectory();
    children = [];
    launcher = new LocalLauncher({
      directory: clusters(),
      installation: {
        home: join(place.path, 'spark'),
        java: 'java',
        python: 'python3',
        scripts: '/nowhere',
        javaLacks: '',
        archives: { driver: false, executor: false }
      },
      cgroup: null,
      memoryMiB: 8_192
    });
  });
  afterEach(() => {
    children.forEach(child => child.kill('SIGKILL'));
    place.remove();
  });

  const run = (script: string): ChildProcess => {
    const child = spawn('/bin/sh', ['-c', script], { stdio: 'ignore' });
    children.push(child);
    return child;
  };
  const cluster = (files: Record<string, string>): void => {
    mkdirSync(join(clusters(), 'c1'), { recursive: true });
    for (const [name, text] of Object.entries(files))
      writeFileSync(join(clusters(), 'c1', name), text);
  };
  const nameOf = ({ pid }: ChildProcess) => `${pid} ${readStat(pid!)!.start}\n`;

  it(
    'is killed when its script hangs before it has recorded its driver',
    async () => {
      const shell = run('sleep 600 & wait');
      const [driver] = await eventually('the driver', async () => {
        const family = await readFamily(shell.pid!);
        return family.length > 0 && family;
      });
      cluster({ 'driver.lock': nameOf(shell) });
      await launcher.stop('c1');
      expect(await readProcess(driver!.pid)).toBeNull();
      expect(await readProcess(shell.pid!)).toBeNull();
      expect(existsSync(join(clusters(), 'c1', 'stopped'))).toBe(true);
      expect(await launcher.observe('c1')).toBeNull();
    },
    BOUND_MS
  );

  it(
    'is killed when it ignores the stop signal',
    async () => {
      const shell = run('trap "" TERM; sleep 600 & echo; wait');
      const driver = run('trap "" TERM; while :; do sleep 1; done');
      cluster({ 'driver.lock': nameOf(shell), 'driver.pid': nameOf(driver) });
      await launcher.stop('c1');
      expect(await readProcess(driver.pid!)).toBeNull();
      expect(await readProcess(shell.pid!)).toBeNull();
    },
    BOUND_MS
  );

  it('reports the exit of its driver within moments', async () => {
    const driver = run('exec sleep 600');
    cluster({ 'driver.lock': '1 0\n', 'driver.pid': nameOf(driver) });
    const changed: string[] = [];
    const unwatch = launcher.watch(id => changed.push(id));
    const abort = new AbortController();
    const sink = { eventLine: () => {}, evidenceLine: () => {}, observe: () => {} };
    const following = launcher.follow('c1', sink, abort.signal);
    await sleep(1_500);
    expect(changed).toEqual([]);
    driver.kill('SIGKILL');
    await eventually('the report', () => changed.length > 0);
    expect(await launcher.observe('c1')).toMatchObject({ state: 'exited' });
    unwatch();
    abort.abort();
    await following;
    expect(changed).toEqual(['c1']);
  });

  it('is not mistaken for a process with a reused process id', async () => {
    const stranger = run('sleep 600 & wait');
    await eventually('its child', async () => (await readFamily(stranger.pid!)).length > 0);
    cluster({ 'driver.lock': '1 0\n', 'driver.pid': `${stranger.pid} 1\n` });
    await launcher.stop('c1');
    expect(await readFamily(stranger.pid!)).toHaveLength(1);
  });
});
