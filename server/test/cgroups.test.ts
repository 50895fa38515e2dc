import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DEFAULT_SHAPE } from '@aglais/protocol';
import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  makeClusterGroup,
  openCgroups,
  processesIn,
  readCounters,
  setLimit
} from '../src/launchers/local/cgroups.js';
import { LIMIT_FILE, moveLimits, writeLimit } from '../src/launchers/local/executor-limits.js';
import { temporaryDirectory } from './support/server.js';

const directory = temporaryDirectory();
afterAll(directory.remove);

const MIB = 2 ** 20;
let root: string;
let selfFile: string;
let trees = 0;

/** A directory with the files that the kernel shows in a cgroup. */
function files(path: string, contents: Record<string, string>): string {
  for (const [name, text] of Object.entries(contents)) {
    const file = join(root, path, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  return join(root, path);
}

beforeEach(() => {
  trees += 1;
  root = join(directory.path, `tree-${trees}`);
  mkdirSync(root);
  selfFile = join(directory.path, `self-${trees}`);
});

describe('The cgroup of an installation', () => {
  it('is a child of its own group, with version 1', async () => {
    writeFileSync(selfFile, '5:cpu,cpuacct:/x\n4:memory:/user/session\n0::/\n');
    const path = files('memory/user/session/mine', { 'memory.limit_in_bytes': '1' });
    expect(await openCgroups('mine', root, selfFile)).toBe(path);
  });

  it('is found if memory is one of several controllers of its hierarchy', async () => {
    writeFileSync(selfFile, '4:cpuset,memory,pids:/box\n');
    const path = files('memory/box/mine', { 'memory.limit_in_bytes': '1' });
    expect(await openCgroups('mine', root, selfFile)).toBe(path);
  });

  it('is above its own group, if that is invisible inside a container', async () => {
    writeFileSync(selfFile, '4:memory:/docker/0123\n');
    const path = files('memory/mine', { 'memory.limit_in_bytes': '1' });
    expect(await openCgroups('mine', root, selfFile)).toBe(path);
  });

  it('lets child groups have limits, with version 2', async () => {
    writeFileSync(selfFile, '0::/user.slice\n');
    files('user.slice', { 'cgroup.subtree_control': '' });
    const path = files('user.slice/mine', { 'memory.max': 'max', 'cgroup.subtree_control': '' });
    expect(await openCgroups('mine', root, selfFile)).toBe(path);
    expect(readFileSync(join(path, 'cgroup.subtree_control'), 'utf8')).toBe('+memory');
    expect(readFileSync(join(root, 'user.slice/cgroup.subtree_control'), 'utf8')).toBe('+memory');
  });

  it('is null if there is none, and nothing is left behind', async () => {
    writeFileSync(selfFile, '4:memory:/a\n0::/a\n');
    files('memory/a', { 'cgroup.procs': '' });
    files('a', { 'cgroup.procs': '' });
    expect(await openCgroups('mine', root, selfFile)).toBeNull();
    expect(existsSync(join(root, 'memory/a/mine'))).toBe(false);
    expect(existsSync(join(root, 'a/mine'))).toBe(false);
    expect(await openCgroups('mine', root, join(root, 'no such file'))).toBeNull();
  });

  it('gets a group for each cluster, once', async () => {
    const path = await makeClusterGroup(root, 'c1');
    expect(await makeClusterGroup(root, 'c1')).toBe(path);
    expect(existsSync(path)).toBe(true);
  });
});

describe('The counters of an executor', () => {
  it('are read from version 1', async () => {
    const path = files('e1', {
      'memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 2\n',
      'memory.limit_in_bytes': String(896 * MIB),
      'memory.usage_in_bytes': String(500 * MIB),
      'memory.max_usage_in_bytes': String(890 * MIB),
      'memory.stat': `cache 1\ninactive_file 5\ntotal_inactive_file ${100 * MIB}\n`.replace(
        'inactive_file 5\n',
        ''
      ),
      'cgroup.procs': '12\n13\n'
    });
    expect(readCounters(path)).toEqual({
      oomKills: 2,
      limitMiB: 896,
      usedMiB: 400,
      peakMiB: 890,
      pids: [12, 13],
      quote: 'oom_kill 2',
      ref: join(path, 'memory.oom_control')
    });
  });

  it('include the pages of child groups, like the usage of version 1', async () => {
    const path = files('e1', {
      'memory.oom_control': 'oom_kill 0\n',
      'memory.limit_in_bytes': String(896 * MIB),
      'memory.usage_in_bytes': String(500 * MIB),
      'memory.max_usage_in_bytes': String(890 * MIB),
      'memory.stat': `inactive_file ${1 * MIB}\ntotal_inactive_file ${100 * MIB}\n`,
      'cgroup.procs': ''
    });
    expect(readCounters(path)).toMatchObject({ usedMiB: 400 });
  });

  it('are read from version 2, also of a kernel without a peak', async () => {
    const path = files('e1', {
      'memory.events': 'low 0\nhigh 0\nmax 31\noom 4\noom_kill 1\noom_group_kill 0\n',
      'memory.max': 'max',
      'memory.current': String(500 * MIB),
      'memory.stat': `anon 1\ninactive_file ${600 * MIB}\n`,
      'cgroup.procs': ''
    });
    expect(readCounters(path)).toMatchObject({
      oomKills: 1,
      limitMiB: Infinity,
      usedMiB: 0,
      peakMiB: null,
      pids: [],
      quote: 'oom_kill 1'
    });
  });

  it('are null without a group', async () => {
    expect(readCounters(join(root, 'nothing'))).toBeNull();
  });

  it.each([
    ['1', ['memory.limit_in_bytes', 'memory.memsw.limit_in_bytes']],
    ['2', ['memory.max']]
  ])('have a limit that can be changed, in version %s', async (_version, names) => {
    const path = files('e1', Object.fromEntries(names.map(name => [name, String(500 * MIB)])));
    expect(await setLimit(path, 900)).toBe(900);
    for (const name of names) expect(readFileSync(join(path, name), 'utf8')).toBe(`${900 * MIB}`);
  });

  it('include every process in it and its children', async () => {
    files('c', { 'cgroup.procs': '1\n' });
    files('c/e1', { 'cgroup.procs': '2\n3\n' });
    files('c/e1/deep', { 'cgroup.procs': '4\n' });
    expect((await processesIn(join(root, 'c'))).sort()).toEqual([1, 2, 3, 4]);
  });
});

describe('The limits of executors', () => {
  const executor = (name: string, usedMiB: number) =>
    files(`c1/executor-${name}`, {
      'memory.oom_control': 'oom_kill 0\n',
      'memory.limit_in_bytes': String(900 * MIB),
      'memory.memsw.limit_in_bytes': String(900 * MIB),
      'memory.usage_in_bytes': String(usedMiB * MIB),
      'memory.stat': 'total_inactive_file 0\n',
      'cgroup.procs': ''
    });
  const limits = (paths: string[]) =>
    paths.map(path => Number(readFileSync(join(path, 'memory.limit_in_bytes'), 'utf8')) / MIB);
  const shape = (executorOverheadMiB: number) => ({
    ...DEFAULT_SHAPE,
    executorMemoryMiB: 512,
    executorOverheadMiB
  });

  it('change for running executors and for those that start later', async () => {
    const paths = [executor('0', 500), executor('1', 300)];
    await writeLimit(root, 900);
    await moveLimits(root, join(root, 'c1'), shape(512));
    expect(limits(paths)).toEqual([1024, 1024]);
    expect(readFileSync(join(root, LIMIT_FILE), 'utf8')).toBe(`${1024 * MIB}\n`);
  });

  it('stay for all if one executor uses more than its new limit', async () => {
    const paths = [executor('0', 500), executor('1', 700)];
    await writeLimit(root, 900);
    const refusal = /Executor 1 uses 700 MiB now.*limited to 640 MiB.*Nothing was changed/;
    await expect(moveLimits(root, join(root, 'c1'), shape(128))).rejects.toThrow(refusal);
    expect(limits(paths)).toEqual([900, 900]);
    expect(readFileSync(join(root, LIMIT_FILE), 'utf8')).toBe(`${900 * MIB}\n`);
  });
});
