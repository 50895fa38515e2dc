import { setTimeout as sleep } from 'node:timers/promises';
import { processesIn, removeGroup } from './cgroups.js';
import type { LocalCluster } from './local-cluster.js';
import { isRunning, readFamily, signal, type ProcessName } from './process-table.js';

/** The script records its driver's process right after starting it. */
const DRIVER_MS = 5_000;
/** Grace period of the driver. */
const STOP_GRACE_MS = 8_000;
/** Killed processes are gone within this time; longer takes only one that waits for a device. */
const KILL_GRACE_MS = 5_000;
const POLL_MS = 50;

/**
 * Asks the driver to stop, which stops its executors, and kills what does not. Returns within the times above, even if
 * a process cannot be killed.
 */
export async function endProcesses(cluster: LocalCluster): Promise<void> {
  const shell = await cluster.shell();
  const driver = await driverOf(cluster, shell);
  // A script that never recorded its driver may still have one.
  const head = driver ?? shell;
  if (!head) return;
  // Its process id may have been reused.
  const family: ProcessName[] = (await isRunning(head)) ? await readFamily(head.pid) : [];
  if (driver && (await signal(driver, 'SIGTERM'))) await areGone([driver], STOP_GRACE_MS);
  await signal(head, 'SIGKILL');
  if (!driver || !(await areGone(family, KILL_GRACE_MS)))
    await Promise.all(family.map(process => signal(process, 'SIGKILL')));
  const all = [...family, head];
  if (!shell) return void (await areGone(all, KILL_GRACE_MS));
  if (!(await areGone([...all, shell], KILL_GRACE_MS))) await signal(shell, 'SIGKILL');
}

/** The driver's process; the script may be about to record it. */
async function driverOf(
  cluster: LocalCluster,
  shell: ProcessName | null
): Promise<ProcessName | null> {
  const deadline = Date.now() + DRIVER_MS;
  for (;;) {
    const driver = await cluster.driver();
    if (driver || !shell || !(await isRunning(shell)) || Date.now() > deadline) return driver;
    await sleep(POLL_MS);
  }
}

/** Kills processes that are in the cluster's cgroup but no longer descend from the driver, and removes the group. */
export async function endGroup(cgroup: string): Promise<void> {
  const deadline = Date.now() + KILL_GRACE_MS;
  while (!(await removeGroup(cgroup)) && Date.now() < deadline) {
    for (const pid of await processesIn(cgroup)) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has just ended by itself.
      }
    }
    await sleep(POLL_MS);
  }
}

async function areGone(names: readonly ProcessName[], withinMs: number): Promise<boolean> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const running = await Promise.all(names.map(isRunning));
    if (!running.includes(true)) return true;
    if (Date.now() > deadline) return false;
    await sleep(POLL_MS);
  }
}
