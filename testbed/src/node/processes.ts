import { spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync
} from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestbedError } from '../execution.js';
import type { Layout } from './layout.js';

interface Recorded {
  pid: number;
  /**
   * In clock ticks since the machine started; together with the id it identifies a process (proc(5), field 22 of stat).
   */
  started: string;
}

const POLL_MS = 50;
const LAST_LINES = 12;

/** When a process started, or null if it does not exist. */
export function startTime(pid: number): string | null {
  try {
    return startTimeOf(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return null;
  }
}

/**
 * The same from the text of stat (proc(5): state 3, num_threads 20, starttime 22). A zombie counts as ended, unless
 * other threads of it are still exiting: until then its resources, especially its port, are not released.
 */
export function startTimeOf(stat: string): string | null {
  const fields = stat.replace(/^.*\) /s, '').split(' ');
  if (fields[0] === 'Z' && Number(fields[17]) <= 1) return null;
  return fields[19] ?? null;
}

const recordOf = (layout: Layout, name: string) => join(layout.processes, `${name}.json`);

/** The id of a running program that we started, or null. */
export function running(layout: Layout, name: string): number | null {
  const path = recordOf(layout, name);
  if (!existsSync(path)) return null;
  const { pid, started } = JSON.parse(readFileSync(path, 'utf8')) as Recorded;
  return startTime(pid) === started ? pid : null;
}

/** Names of all programs that were started, running or not. */
export function recorded(layout: Layout): string[] {
  if (!existsSync(layout.processes)) return [];
  return readdirSync(layout.processes).map(file => basename(file, '.json'));
}

/** Starts a program that outlives this process; its output goes to its log. */
export function start(
  layout: Layout,
  name: string,
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv
): void {
  for (const folder of [layout.logs, layout.processes]) mkdirSync(folder, { recursive: true });
  const log = openSync(join(layout.logs, `${name}.log`), 'a');
  const child = spawn(command, args, { detached: true, stdio: ['ignore', log, log], env });
  closeSync(log);
  child.once('error', () => undefined);
  if (!child.pid) throw new TestbedError(`${command} could not be started.`);
  child.unref();
  writeFileSync(
    recordOf(layout, name),
    JSON.stringify({ pid: child.pid, started: startTime(child.pid) } satisfies {
      pid: number;
      started: string | null;
    })
  );
}

/** Stops a program; kills it after `graceMs`. */
export async function stop(
  layout: Layout,
  name: string,
  signal: NodeJS.Signals,
  graceMs: number
): Promise<void> {
  const pid = running(layout, name);
  if (pid !== null) {
    process.kill(pid, signal);
    for (let waited = 0; running(layout, name) !== null && waited < graceMs; waited += POLL_MS)
      await sleep(POLL_MS);
    if (running(layout, name) !== null) process.kill(pid, 'SIGKILL');
    while (running(layout, name) !== null) await sleep(POLL_MS);
  }
  rmSync(recordOf(layout, name), { force: true });
}

/**
 * Waits until a condition holds, while the given programs are running.
 * @throws TestbedError with the end of a program's log if it exited, or after `limitMs`
 */
export async function until(
  what: string,
  layout: Layout,
  names: readonly string[],
  limitMs: number,
  holds: () => boolean | Promise<boolean>
): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await holds())) {
    const dead = names.find(name => running(layout, name) === null);
    if (dead) throw new TestbedError(`${dead} ended by itself:\n${lastWords(layout, dead)}`);
    if (Date.now() > deadline)
      throw new TestbedError(
        `${what}: not within ${limitMs / 1000} s. The logs are in ${layout.logs}.\n` +
          names.map(name => `${name}: ${lastWords(layout, name, 3)}`).join('\n')
      );
    await sleep(POLL_MS);
  }
}

function lastWords(layout: Layout, name: string, lines = LAST_LINES): string {
  const log = join(layout.logs, `${name}.log`);
  return existsSync(log)
    ? readFileSync(log, 'utf8').trimEnd().split('\n').slice(-lines).join('\n')
    : '';
}
