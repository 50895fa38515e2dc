import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { childEnvironment } from './child-environment.js';

/** Identifies a process by its id and start time, because ids are reused. */
export interface ProcessName {
  pid: number;
  /** Opaque: clock ticks since boot on Linux, a date elsewhere. */
  start: string;
}

export interface Process extends ProcessName {
  parent: number;
  command: string;
  rssMiB: number;
}

/** A process without its command, which requires reading a second file. */
export type ProcessStat = Omit<Process, 'command'>;

const PAGE_KIB = 4;
const HAS_PROC = process.platform === 'linux';
const run = promisify(execFile);

/** All visible processes. Linux reads /proc, others run `ps`. */
export async function readProcesses(proc = '/proc'): Promise<Process[]> {
  const stats = readStats(proc);
  return stats ? withCommands(stats, proc) : readWithPs();
}

/** The descendants of `root`, without `root`. */
export async function readFamily(root: number): Promise<Process[]> {
  const stats = readStats('/proc');
  return stats ? withCommands(descendants(stats, root)) : descendants(await readWithPs(), root);
}

/** One process, or null if it does not exist or is a zombie. */
export async function readProcess(pid: number, proc = '/proc'): Promise<Process | null> {
  if (!HAS_PROC) return (await readWithPs()).find(process => process.pid === pid) ?? null;
  const stat = readStat(pid, proc);
  return stat && ((await withCommands([stat], proc))[0] ?? null);
}

/**
 * The same without its command. Read synchronously, because a thread would cost ten times as much, and the kernel
 * responds without waiting for a device. Linux only; null elsewhere.
 */
export function readStat(pid: number, proc = '/proc'): ProcessStat | null {
  try {
    const stat = readFileSync(`${proc}/${pid}/stat`, 'utf8');
    // The name in parentheses may itself contain spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return null;
    return {
      pid,
      start: fields[19]!,
      parent: Number(fields[1]),
      rssMiB: (Number(fields[21]) * PAGE_KIB) / 1024
    };
  } catch {
    return null;
  }
}

function readStats(proc: string): ProcessStat[] | null {
  try {
    const pids = readdirSync(proc).filter(name => /^\d+$/.test(name));
    return pids.flatMap(pid => readStat(Number(pid), proc) ?? []);
  } catch {
    return null;
  }
}

/** A command line is in the memory of its process: reading it blocks if the process is blocked by a share. */
async function withCommands(stats: readonly ProcessStat[], proc = '/proc'): Promise<Process[]> {
  const processes = await Promise.all(
    stats.map(async stat => {
      const text = await readFile(`${proc}/${stat.pid}/cmdline`, 'utf8').catch(() => null);
      return text === null ? [] : [{ ...stat, command: text.replaceAll('\0', ' ').trim() }];
    })
  );
  return processes.flat();
}

async function readWithPs(): Promise<Process[]> {
  const { stdout } = await run('ps', ['-axo', 'pid=,ppid=,rss=,lstart=,command='], {
    maxBuffer: 64 * 2 ** 20,
    env: childEnvironment()
  });
  return stdout.split('\n').flatMap(line => {
    // lstart has five words: Sat Nov 21 00:58:15 2026
    const match = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+\s+\S+\s+\S+\s+\S+\s+\S+)\s+(.*)$/.exec(line);
    if (!match) return [];
    return [
      {
        pid: Number(match[1]),
        parent: Number(match[2]),
        rssMiB: Number(match[3]) / 1024,
        start: match[4]!.replace(/\s+/g, '_'),
        command: match[5]!
      }
    ];
  });
}

/** The process, or null if it has ended (its id may have been reused). */
export async function findProcess(name: ProcessName): Promise<Process | null> {
  const process = await readProcess(name.pid);
  return process?.start === name.start ? process : null;
}

/** Whether the process is running. */
export async function isRunning(name: ProcessName): Promise<boolean> {
  return HAS_PROC ? readStat(name.pid)?.start === name.start : (await findProcess(name)) !== null;
}

/** `pid start` as the driver script writes it, or null if the text is invalid. */
export function parseProcessName(text: string): ProcessName | null {
  const match = /^(\d+) (\S+)\s*$/.exec(text);
  return match ? { pid: Number(match[1]), start: match[2]! } : null;
}

/** The descendants of `root` among these processes, without `root`. */
export function descendants<P extends ProcessStat>(processes: readonly P[], root: number): P[] {
  const children = Map.groupBy(processes, process => process.parent);
  const found: P[] = [];
  const open = [root];
  for (let pid = open.pop(); pid !== undefined; pid = open.pop()) {
    for (const child of children.get(pid) ?? []) {
      found.push(child);
      open.push(child.pid);
    }
  }
  return found;
}

/** Sends a signal to exactly this process; false if it has ended. */
export async function signal(name: ProcessName, kind: NodeJS.Signals): Promise<boolean> {
  if (!(await isRunning(name))) return false;
  try {
    process.kill(name.pid, kind);
    return true;
  } catch {
    return false;
  }
}
