import { readFile } from 'node:fs/promises';

/** USER_HZ and the page size of Linux on what we measure on. */
const TICKS_A_SECOND = 100;
const PAGE_KIB = 4;

/** Processor time so far, and memory now, from `/proc`. */
export async function usageOf(pid: number): Promise<{ cpuMs: number; rssMiB: number }> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return {
    cpuMs: ((Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND) * 1_000,
    rssMiB: (Number(fields[21]) * PAGE_KIB) / 1_024
  };
}
