import { readFile } from 'node:fs/promises';

/** USER_HZ and the page size of Linux on common machines. */
const TICKS_A_SECOND = 100;
const PAGE_KIB = 4;

export interface ProcessUsage {
  /** CPU time so far. */
  cpuMs: number;
  /** Of its children that have ended. */
  childrenCpuMs: number;
  rssMiB: number;
}

/** CPU time so far, and current memory, from `/proc`. */
export async function usageOf(pid: number): Promise<ProcessUsage> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ms = (index: number) =>
    ((Number(fields[index]) + Number(fields[index + 1])) / TICKS_A_SECOND) * 1_000;
  return {
    cpuMs: ms(11),
    childrenCpuMs: ms(13),
    rssMiB: (Number(fields[21]) * PAGE_KIB) / 1_024
  };
}
