import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { exists } from '../../store/files.js';
import { readText } from '../cluster-directory.js';
import type { SharePath } from '../launcher.js';
import { isRunning, parseProcessName, type ProcessName } from './process-table.js';

const POLL_MS = 50;
/** Between making `driver.lock` and writing into it, the script needs far less. */
const LOCK_MS = 1_000;

/** What the directory of a cluster says. Files that never change once they are written are read once. */
export class LocalCluster {
  private hasStopped = false;
  private readonly known = new Map<string, string>();

  constructor(readonly directory: string) {}

  /** Only evidence is left of it. */
  async isStopped(): Promise<boolean> {
    this.hasStopped ||= await exists(join(this.directory, 'stopped'));
    return this.hasStopped;
  }

  /** Who runs the driver, or "stopped"; null if it was never begun. */
  async lock(): Promise<string | null> {
    for (let waited = 0; ; waited += POLL_MS) {
      const text = await this.read('driver.lock');
      if (text !== '' || waited >= LOCK_MS) return text;
      await sleep(POLL_MS);
    }
  }

  /** The script that runs the driver; null if there is none, or the cluster was stopped before it began. */
  async shell(): Promise<ProcessName | null> {
    return parseProcessName((await this.lock()) ?? '');
  }

  /** The driver's process, once it is written down. */
  async driver(): Promise<ProcessName | null> {
    return parseProcessName((await this.read('driver.pid')) ?? '');
  }

  /** Whether the driver runs, or the script that starts it or writes down how it ended. */
  async isAlive(): Promise<boolean> {
    for (const name of [await this.driver(), await this.shell()])
      if (name && (await isRunning(name))) return true;
    return false;
  }

  /** The driver's port, and a line for each table that could not be made; null until Spark is ready. */
  async ready(): Promise<string[] | null> {
    return (await this.read('ready'))?.trim().split('\n') ?? null;
  }

  /** The cluster's memory cgroup, or null where there are none. */
  cgroup(): Promise<string | null> {
    return this.read('cgroup');
  }

  async shares(): Promise<SharePath[]> {
    return JSON.parse((await this.read('shares')) ?? '[]') as SharePath[];
  }

  private async read(name: string): Promise<string | null> {
    const known = this.known.get(name);
    if (known !== undefined) return known;
    const text = await readText(join(this.directory, name));
    if (text) this.known.set(name, text);
    return text;
  }
}
