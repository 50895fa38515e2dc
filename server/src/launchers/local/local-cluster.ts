import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { exists } from '../../store/files.js';
import { readText } from '../cluster-directory.js';
import type { SharePath } from '../launcher.js';
import { isRunning, parseProcessName, type ProcessName } from './process-table.js';

const POLL_MS = 50;
/** Much longer than the script needs between creating `driver.lock` and writing to it. */
const LOCK_MS = 1_000;

/** The state of a cluster, from its directory. Files that never change are read once. */
export class LocalCluster {
  private hasStopped = false;
  private readonly known = new Map<string, string>();

  constructor(readonly directory: string) {}

  /** Only evidence is left of it. */
  async isStopped(): Promise<boolean> {
    this.hasStopped ||= await exists(join(this.directory, 'stopped'));
    return this.hasStopped;
  }

  /** The process that runs the driver, or "stopped"; null if it was never started. */
  async lock(): Promise<string | null> {
    for (let waited = 0; ; waited += POLL_MS) {
      const text = await this.read('driver.lock');
      if (text !== '' || waited >= LOCK_MS) return text;
      await sleep(POLL_MS);
    }
  }

  /** The script that runs the driver; null if there is none, or the cluster was stopped before it started. */
  async shell(): Promise<ProcessName | null> {
    return parseProcessName((await this.lock()) ?? '');
  }

  /** The driver's process, once it is recorded. */
  async driver(): Promise<ProcessName | null> {
    return parseProcessName((await this.read('driver.pid')) ?? '');
  }

  /** Whether the driver is running, or the script that starts it or records how it ended. */
  async isAlive(): Promise<boolean> {
    for (const name of [await this.driver(), await this.shell()])
      if (name && (await isRunning(name))) return true;
    return false;
  }

  /** The driver's port, and a line for each table that could not be registered; null until Spark is ready. */
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
