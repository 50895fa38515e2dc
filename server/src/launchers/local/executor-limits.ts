import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { executorLimitMiB, type Shape } from '@aglais/protocol';
import { replaceFile } from '../../store/files.js';
import { ResizeRefused } from '../launcher.js';
import { readCounters, setLimit } from './cgroups.js';

/** A file in the cluster's directory: the memory limit of each new executor, bytes. */
export const LIMIT_FILE = 'executor-limit';

const MIB = 2 ** 20;

export async function writeLimit(directory: string, limitMiB: number): Promise<void> {
  await replaceFile(join(directory, LIMIT_FILE), `${limitMiB * MIB}\n`);
}

/**
 * Applies the limit of this shape to the executors of a running cluster, and to those that start later.
 * @param cgroup the cluster's, or null where there are none
 * @throws ResizeRefused if one of them uses more than that now; then the limits are unchanged
 */
export async function moveLimits(
  directory: string,
  cgroup: string | null,
  shape: Shape
): Promise<void> {
  const limitMiB = executorLimitMiB(shape);
  const before = Number(await readFile(join(directory, LIMIT_FILE), 'utf8')) / MIB;
  await writeLimit(directory, limitMiB);
  if (!cgroup) return;
  const groups = (await readdir(cgroup)).filter(name => name.startsWith('executor-'));
  for (const group of groups) {
    const usedMiB = readCounters(join(cgroup, group))?.usedMiB ?? 0;
    const inForce = usedMiB > limitMiB ? before : await setLimit(join(cgroup, group), limitMiB);
    if (inForce <= limitMiB) continue;
    await writeLimit(directory, before);
    for (const one of groups) await setLimit(join(cgroup, one), before);
    throw new ResizeRefused(
      `Executor ${group.replace('executor-', '')} uses ${Math.round(usedMiB)} MiB now, so it cannot be limited to ` +
        `${limitMiB} MiB. Nothing was changed. Unpersist cached tables, or restart Spark with this size.`
    );
  }
}
