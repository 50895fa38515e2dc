import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** A process, named for ever by its id and the time it began (ids are used again). */
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

const PAGE_KIB = 4;
const run = promisify(execFile);

/** All processes that can be seen. Linux reads /proc, others ask `ps`. */
export async function readProcesses(proc = '/proc'): Promise<Process[]> {
  const entries = await readdir(proc).catch(() => null);
  if (!entries) return readWithPs();
  const processes = await Promise.all(
    entries.filter(name => /^\d+$/.test(name)).map(pid => readProcess(Number(pid), proc))
  );
  return processes.filter(process => process !== null);
}

/** One process, or null if it is not there or only its exit status is left (a zombie). */
export async function readProcess(pid: number, proc = '/proc'): Promise<Process | null> {
  try {
    const [stat, commandLine] = await Promise.all([
      readFile(`${proc}/${pid}/stat`, 'utf8'),
      readFile(`${proc}/${pid}/cmdline`, 'utf8')
    ]);
    // The name in parentheses may itself hold blanks and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return null;
    return {
      pid,
      start: fields[19]!,
      parent: Number(fields[1]),
      command: commandLine.replaceAll('\0', ' ').trim(),
      rssMiB: (Number(fields[21]) * PAGE_KIB) / 1024
    };
  } catch {
    return null;
  }
}

async function readWithPs(): Promise<Process[]> {
  const { stdout } = await run('ps', ['-axo', 'pid=,ppid=,rss=,lstart=,command='], {
    maxBuffer: 64 * 2 ** 20
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

/** The process of that name, unless it has ended (another may have its id by now). */
export async function findProcess(name: ProcessName): Promise<Process | null> {
  const process = HAS_PROC
    ? await readProcess(name.pid)
    : ((await readWithPs()).find(candidate => candidate.pid === name.pid) ?? null);
  return process?.start === name.start ? process : null;
}

const HAS_PROC = process.platform === 'linux';

/** `pid start` as the driver script writes it, or null if the text is something else. */
export function parseProcessName(text: string): ProcessName | null {
  const match = /^(\d+) (\S+)\s*$/.exec(text);
  return match ? { pid: Number(match[1]), start: match[2]! } : null;
}

/** The processes that `root` started, and those that they started, and so on; without `root`. */
export function descendants(processes: readonly Process[], root: number): Process[] {
  const children = Map.groupBy(processes, process => process.parent);
  const found: Process[] = [];
  const open = [root];
  for (let pid = open.pop(); pid !== undefined; pid = open.pop()) {
    for (const child of children.get(pid) ?? []) {
      found.push(child);
      open.push(child.pid);
    }
  }
  return found;
}

/** Sends a signal to exactly that process; false if it has ended. */
export async function signal(name: ProcessName, kind: NodeJS.Signals): Promise<boolean> {
  if (!(await findProcess(name))) return false;
  try {
    process.kill(name.pid, kind);
    return true;
  } catch {
    return false;
  }
}
