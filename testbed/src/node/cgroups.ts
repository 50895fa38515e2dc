import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { CGROUP_ROOT } from './configuration.js';

/** Where each hierarchy is mounted: one for version 2, one for each set of controllers for version 1. */
export function hierarchies(mounts: string): string[] {
  const found = mounts
    .split('\n')
    .map(line => line.split(' '))
    .filter(fields => fields[2] === 'cgroup' || fields[2] === 'cgroup2')
    .map(fields => ({ path: fields[1] ?? '', kind: fields[2] }));
  const first = found.filter(({ kind }) => kind === 'cgroup');
  // Next to version 1 the mount of version 2 has no controllers.
  return (first.length > 0 ? first : found).map(({ path }) => path);
}

/** All mounts, for cleanup: runc also creates directories in a version 2 mount without controllers. */
const ours = () =>
  readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map(line => line.split(' '))
    .filter(fields => fields[2] === 'cgroup' || fields[2] === 'cgroup2')
    .map(fields => join(fields[1] ?? '', CGROUP_ROOT));

/** Creates our cgroup in every hierarchy; the kubelet requires it. */
export function makeCgroups(): void {
  const paths = hierarchies(readFileSync('/proc/mounts', 'utf8'));
  for (const path of paths) mkdirSync(join(path, CGROUP_ROOT), { recursive: true });
}

/** Ids of all processes in our cgroups. */
export function processesInCgroups(): number[] {
  const ids = ours().flatMap(path =>
    foldersBelow(path).flatMap(folder => {
      try {
        return readFileSync(join(folder, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean);
      } catch {
        return [];
      }
    })
  );
  return [...new Set(ids.map(Number))];
}

/** Removes our cgroups; returns those that are not empty. */
export function removeCgroups(): string[] {
  const left: string[] = [];
  for (const folder of ours().flatMap(path => foldersBelow(path).reverse()))
    try {
      rmdirSync(folder);
    } catch {
      left.push(folder);
    }
  return left;
}

/** A directory and all its subdirectories, outer ones first. */
function foldersBelow(path: string): string[] {
  if (!existsSync(path)) return [];
  try {
    const inner = readdirSync(path, { withFileTypes: true }).filter(entry => entry.isDirectory());
    return [path, ...inner.flatMap(entry => foldersBelow(join(path, entry.name)))];
  } catch {
    return [];
  }
}
