import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { delimiter, join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { checkout, venv } from './paths.mjs';

/** Grace period of a program before it is killed. */
const END_MS = 10_000;

/** The environment in which the project's own tools come first in PATH. */
export const toolEnvironment = {
  ...process.env,
  PATH: [join(checkout, 'node_modules', '.bin'), join(venv, 'bin'), process.env.PATH].join(
    delimiter
  )
};

/**
 * Runs a program in a process group of its own, so that a signal reaches all its children.
 * @param {{ signal: AbortSignal, onText: (text: string) => void, cwd?: string, env?: object }} options
 * @returns {Promise<number | NodeJS.Signals>} its exit code, or the signal that ended it
 * @throws if it cannot be started
 */
export function runProgram(command, args, { signal, onText, ...options }) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: checkout,
      env: toolEnvironment,
      ...options,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe']
    });
    inheritPriority(child.pid);
    const end = () => {
      signalGroup(child.pid, 'SIGTERM');
      late = setTimeout(() => signalGroup(child.pid, 'SIGKILL'), END_MS);
    };
    let late;
    if (signal.aborted) end();
    signal.addEventListener('abort', end, { once: true });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', onText);
    }
    child.once('error', error => reject(new Error(`${command}: ${error.message}`)));
    child.once('close', (code, by) => {
      signal.removeEventListener('abort', end);
      clearTimeout(late);
      resolve(by ?? code ?? 1);
    });
  });
}

/** Where Linux schedules processes by session (autogroups), a new session has the normal priority (sched(7)). */
function inheritPriority(pid) {
  const priority = getPriority();
  if (priority > 0 && pid) setSessionPriority(pid, priority);
}

/** The autogroup of a session; does nothing where there are none. */
export function setSessionPriority(pid, priority) {
  try {
    writeFileSync(`/proc/${pid}/autogroup`, String(priority));
  } catch {
    // Another operating system, or the process has ended.
  }
}

function signalGroup(pid, kind) {
  try {
    if (pid) process.kill(-pid, kind);
  } catch {
    // It has ended.
  }
}

/** The last non-empty line of a program's output. */
export function lastLine(text) {
  return stripVTControlCharacters(text)
    .trimEnd()
    .split(/[\r\n]/)
    .at(-1)
    .trim();
}
