import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { output, TestbedError } from '../execution.js';
import { processesInCgroups } from './cgroups.js';
import type { Layout } from './layout.js';

/** The containerd namespace of the kubelet. */
const NAMESPACE = 'k8s.io';
const END_MS = 5000;

const client = (layout: Layout) => ['-a', layout.socket, '-n', NAMESPACE];

export const answers = (layout: Layout, env: NodeJS.ProcessEnv) =>
  output('ctr', [...client(layout), 'version'], env) !== null;

/** Imports an image from an OCI layout into containerd, unless it has it. Returns whether it was imported. */
export async function importImage(
  layout: Layout,
  env: NodeJS.ProcessEnv,
  reference: string,
  directory: string
): Promise<boolean> {
  const known = output('ctr', [...client(layout), 'images', 'list', '-q'], env) ?? '';
  if (known.split('\n').includes(reference)) return false;
  const log = openSync(join(layout.logs, 'images.log'), 'a');
  const archive = spawn('tar', ['-C', directory, '-cf', '-', '.'], {
    stdio: ['ignore', 'pipe', log]
  });
  const importing = spawn('ctr', [...client(layout), 'images', 'import', '-'], {
    stdio: [archive.stdout, log, log],
    env
  });
  const code = await new Promise(resolve => importing.once('close', resolve));
  closeSync(log);
  if (code !== 0)
    throw new TestbedError(
      `containerd did not take the image ${reference}; see ${join(layout.logs, 'images.log')}.`
    );
  const [name] = reference.split(/:(?=[^/]*$)/);
  const older = known
    .split('\n')
    .filter(other => other !== reference && other.startsWith(`${name}:`));
  if (older.length > 0) output('ctr', [...client(layout), 'images', 'remove', ...older], env);
  return true;
}

/** Removes all containers from containerd, while it responds. */
export function removeContainers(layout: Layout, env: NodeJS.ProcessEnv): void {
  const list = (kind: string) =>
    (output('ctr', [...client(layout), kind, 'list', '-q'], env) ?? '').split('\n').filter(Boolean);
  for (const task of list('tasks'))
    output('ctr', [...client(layout), 'tasks', 'delete', '-f', task], env);
  const containers = list('containers');
  if (containers.length > 0)
    output('ctr', [...client(layout), 'containers', 'delete', ...containers], env);
}

/** Kills all processes in our cgroups and their shims, and waits until they are gone. */
export async function killAll(layout: Layout): Promise<void> {
  for (let waited = 0; waited < END_MS; waited += 50) {
    const left = [...processesInCgroups(), ...shims(layout)];
    if (left.length === 0) return;
    for (const pid of left)
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended by itself meanwhile.
      }
    await sleep(50);
  }
}

/** The shim processes that containerd starts for each pod, which outlive it. Their arguments contain its socket. */
function shims(layout: Layout): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .filter(pid => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return /containerd-shim/.test(words[0] ?? '') && words.includes(layout.socket);
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Removes the sockets of shims that have ended, ours and others': nobody listens on them any more. */
export function removeDeadSockets(directory = '/run/containerd/s'): void {
  if (!existsSync(directory)) return;
  const listening = readFileSync('/proc/net/unix', 'utf8');
  for (const name of readdirSync(directory))
    if (!listening.includes(join(directory, name))) rmSync(join(directory, name), { force: true });
}
