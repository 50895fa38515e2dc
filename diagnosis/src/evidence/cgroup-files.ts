import type { CgroupObservation } from '../observation.js';

const MIB = 2 ** 20;
/** A limit above this means "none": cgroup v1 writes the largest page-aligned 63-bit number. */
const NO_LIMIT = 2 ** 60;

/**
 * The counters of one memory cgroup from the contents of its files, by file name: v1 (`memory.oom_control`,
 * `memory.limit_in_bytes`, `memory.max_usage_in_bytes`) or v2 (`memory.events`, `memory.max`, `memory.peak`). Null if
 * the kill counter or the limit is missing.
 * @param executor whose cgroup it is, see CgroupObservation.
 */
export function readCgroupFiles(
  files: Readonly<Record<string, string>>,
  executor: string,
  at: number,
  ref: string
): CgroupObservation | null {
  const counters = files['memory.events'] ?? files['memory.oom_control'] ?? '';
  const kills = /\boom_kill (\d+)/.exec(counters);
  const limit = bytesOf(files['memory.max'] ?? files['memory.limit_in_bytes']);
  if (!kills || limit === null || limit > NO_LIMIT) return null;
  const peak = bytesOf(files['memory.peak'] ?? files['memory.max_usage_in_bytes']);
  return {
    kind: 'cgroup',
    executor,
    at,
    oomKills: Number(kills[1]),
    limitMiB: limit / MIB,
    peakMiB: peak === null ? null : peak / MIB,
    quote: kills[0],
    ref
  };
}

/** The first number of a file; `max` means none. */
function bytesOf(content: string | undefined): number | null {
  const digits = /^\s*(\d+)/.exec(content ?? '')?.[1];
  return digits === undefined ? null : Number(digits);
}
