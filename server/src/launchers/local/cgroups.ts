import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** The kernel's counters of one memory cgroup. */
export interface CgroupCounters {
  /** Number of processes killed by the kernel's OOM killer, since the cgroup exists. */
  oomKills: number;
  limitMiB: number;
  /** Without file pages that the kernel can drop at any time. */
  usedMiB: number;
  peakMiB: number | null;
  pids: number[];
  /** The line with `oomKills`, verbatim, and its file. */
  quote: string;
  ref: string;
}

const MIB = 2 ** 20;
/** cgroup v1 writes "no limit" as the largest multiple of a page; a value this large means none. */
const NO_LIMIT = 2 ** 60;

/**
 * Creates the parent cgroup for the clusters of one installation, where this process may: in its own cgroup, then in
 * the ones above it (version 2 does not allow children next to processes).
 * @param name unique per installation, so that two on one machine do not collide
 * @returns its path, or null where the machine does not allow memory cgroups
 */
export async function openCgroups(
  name: string,
  root = '/sys/fs/cgroup',
  selfFile = '/proc/self/cgroup'
): Promise<string | null> {
  const self = await readFile(selfFile, 'utf8').catch(() => '');
  const v1 = /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/m.exec(self)?.[1];
  const v2 = /^0::(.*)$/m.exec(self)?.[1];
  const candidates = [
    ...(v1 === undefined ? [] : ancestors(join(root, 'memory'), v1)),
    ...(v2 === undefined ? [] : ancestors(root, v2))
  ];
  for (const parent of candidates) {
    const path = join(parent, name);
    if (await tryMakeGroup(path)) return path;
  }
  return null;
}

function ancestors(mount: string, own: string): string[] {
  const paths = [];
  for (let path = own; ; path = dirname(path)) {
    paths.push(join(mount, path));
    if (path === '/' || path === '.') return paths;
  }
}

/** Creates a cgroup whose memory can be limited and which can delegate this to child groups. */
async function tryMakeGroup(path: string): Promise<boolean> {
  if ((await readdir(dirname(path)).catch(() => null)) === null) return false;
  await delegateMemory(dirname(path));
  try {
    await mkdir(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return false;
  }
  const files = await readdir(path).catch((): string[] => []);
  if (files.includes('memory.limit_in_bytes')) return true;
  if (files.includes('memory.max') && (await delegateMemory(path))) return true;
  await rmdir(path).catch(() => undefined);
  return false;
}

/** Version 2 only: enables memory limits for the children of `path`. */
async function delegateMemory(path: string): Promise<boolean> {
  try {
    await writeFile(join(path, 'cgroup.subtree_control'), '+memory', { flag: 'r+' });
    return true;
  } catch {
    return false;
  }
}

/** Creates the group of one cluster in the group of the installation; idempotent. */
export async function makeClusterGroup(installation: string, cluster: string): Promise<string> {
  const path = join(installation, cluster);
  await mkdir(path, { recursive: true });
  await delegateMemory(path);
  return path;
}

const VERSION_2 = {
  events: 'memory.events',
  limit: 'memory.max',
  used: 'memory.current',
  peak: 'memory.peak'
};
const VERSION_1 = {
  events: 'memory.oom_control',
  limit: 'memory.limit_in_bytes',
  used: 'memory.usage_in_bytes',
  peak: 'memory.max_usage_in_bytes'
};

const filesOf = (path: string) => (existsSync(join(path, VERSION_2.limit)) ? VERSION_2 : VERSION_1);

const oomKillLine = (events: string) => /^oom_kill \d+$/m.exec(events)?.[0] ?? 'oom_kill 0';
const killsIn = (line: string) => Number(line.split(' ')[1]);

/**
 * The values that change first when something happens in a cgroup. Read synchronously, because a thread would cost ten
 * times as much, and the kernel responds immediately. Null if the group does not exist.
 * @returns `usedMiB` with file pages
 */
export function readCountersNow(path: string): { oomKills: number; usedMiB: number } | null {
  const files = filesOf(path);
  try {
    return {
      oomKills: killsIn(oomKillLine(readFileSync(join(path, files.events), 'utf8'))),
      usedMiB: Number(readFileSync(join(path, files.used), 'utf8')) / MIB
    };
  } catch {
    return null;
  }
}

/** The counters of one executor's cgroup, of either version; null if it does not exist. Read synchronously, too. */
export function readCounters(path: string): CgroupCounters | null {
  const read = (file: string) => readFileSync(join(path, file), 'utf8');
  const mib = (file: string) => {
    const bytes = Number(read(file));
    return bytes < NO_LIMIT ? bytes / MIB : Number.POSITIVE_INFINITY;
  };
  const files = filesOf(path);
  try {
    const quote = oomKillLine(read(files.events));
    const statistics = read('memory.stat');
    // Version 1 has both; only the total includes child groups, as the usage does.
    const inactive =
      (/^total_inactive_file (\d+)$/m.exec(statistics) ??
        /^inactive_file (\d+)$/m.exec(statistics))?.[1] ?? '0';
    return {
      oomKills: killsIn(quote),
      limitMiB: mib(files.limit),
      usedMiB: Math.max(0, mib(files.used) - Number(inactive) / MIB),
      // Old kernels have none in version 2.
      peakMiB: existsSync(join(path, files.peak)) ? mib(files.peak) : null,
      pids: read('cgroup.procs').split('\n').filter(Boolean).map(Number),
      quote,
      ref: join(path, files.events)
    };
  } catch {
    return null;
  }
}

/**
 * Changes the limit of a cgroup, of either version, while it contains processes.
 * @returns the limit in effect, MiB: the kernel may keep the old one if more than the new one is in use
 */
export async function setLimit(path: string, limitMiB: number): Promise<number> {
  const bytes = String(limitMiB * MIB);
  const write = (file: string) => writeFile(join(path, file), bytes, { flag: 'r+' });
  const optional = (file: string) => write(file).catch(() => undefined);
  if (
    await write('memory.max').then(
      () => true,
      () => false
    )
  ) {
    return Number(await readFile(join(path, 'memory.max'), 'utf8')) / MIB;
  }
  // The limit of memory and swap is never below that of memory alone: when raised it is set first, when lowered last.
  await optional('memory.memsw.limit_in_bytes');
  await optional('memory.limit_in_bytes');
  await optional('memory.memsw.limit_in_bytes');
  return Number(await readFile(join(path, 'memory.limit_in_bytes'), 'utf8')) / MIB;
}

/** Removes a cgroup and its children; false while one of them contains a process. */
export async function removeGroup(path: string): Promise<boolean> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => null);
  if (!entries) return true;
  for (const entry of entries) {
    if (entry.isDirectory()) await removeGroup(join(path, entry.name));
  }
  return rmdir(path).then(
    () => true,
    () => false
  );
}

/** All processes in a cgroup and its children. */
export async function processesIn(path: string): Promise<number[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  const inside = await Promise.all(
    entries.filter(entry => entry.isDirectory()).map(entry => processesIn(join(path, entry.name)))
  );
  const own = await readFile(join(path, 'cgroup.procs'), 'utf8').catch(() => '');
  return [...own.split('\n').filter(Boolean).map(Number), ...inside.flat()];
}
