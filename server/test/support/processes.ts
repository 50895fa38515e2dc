import { readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { readProcesses, type Process } from '../../src/launchers/local/process-table.js';
import { sparkHome } from './server.js';

export interface ClusterProcess extends Process {
  cluster: string;
  role: 'shell' | 'driver' | 'executor' | 'other';
}

/** Every process that belongs to a cluster in `clusters`, whatever its parent is. */
export async function clusterProcesses(clusters: string): Promise<ClusterProcess[]> {
  const ids = await readdir(clusters).catch((): string[] => []);
  const all = await readProcesses();
  const found = await Promise.all(
    all.map(async (process): Promise<ClusterProcess[]> => {
      // Only the working directory of Python workers shows their cluster.
      const place = await readlink(`/proc/${process.pid}/cwd`).catch(() => '');
      const cluster = ids.find(
        id =>
          process.command.includes(join(clusters, id)) ||
          process.command.includes(`app-${id}`) ||
          `${place}/`.startsWith(`${join(clusters, id)}/`) ||
          `${place}/`.startsWith(`${join(sparkHome, 'work', `app-${id}`)}/`)
      );
      return cluster === undefined ? [] : [{ ...process, cluster, role: roleOf(process) }];
    })
  );
  const processes = found.flat();
  const drivers = new Set(processes.filter(({ role }) => role === 'driver').map(({ pid }) => pid));
  // Between fork and exec, a program that a driver starts still has the driver's command line.
  return processes.map(one =>
    one.role === 'driver' && drivers.has(one.parent) ? { ...one, role: 'other' } : one
  );
}

function roleOf({ command }: Process): ClusterProcess['role'] {
  if (/ @driver\.args/.test(command)) return 'driver';
  if (/driver\.sh /.test(command)) return 'shell';
  if (/CoarseGrainedExecutorBackend /.test(command)) return 'executor';
  return 'other';
}

/** Kills all remaining processes of the clusters in `clusters`; returns them. */
export async function endAll(clusters: string): Promise<ClusterProcess[]> {
  const left = await clusterProcesses(clusters);
  for (const { pid } of left) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has just ended by itself.
    }
  }
  return left;
}
