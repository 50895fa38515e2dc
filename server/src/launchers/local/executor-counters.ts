import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CgroupObservation, ProcessMemory } from '@aglais/diagnosis';
import { readCounters, type CgroupCounters } from './cgroups.js';
import type { Process } from './process-table.js';

/**
 * How long processes that are left in a cgroup after its executor ended (helpers that a task had started) may take to
 * exit.
 */
const LEFTOVER_GRACE_MS = 5_000;

export interface ExecutorCountersSource {
  /** The cluster's cgroup, or null where there are none. */
  cgroup: () => Promise<string | null>;
  record: (observation: CgroupObservation) => Promise<void>;
}

/**
 * Records the kernel's counters of the executors' cgroups: each OOM kill once, and that there was none when an executor
 * is gone.
 */
export class ExecutorCounters {
  private readonly recordedKills = new Map<string, number>();
  private readonly lastProcesses = new Map<string, ProcessMemory[]>();

  constructor(
    private readonly source: ExecutorCountersSource,
    private readonly abort: AbortSignal
  ) {}

  /** Takes a recorded line: an OOM kill that this server or a previous one has recorded is not recorded again. */
  evidenceLine(line: string): void {
    const kill = /^\{"kind":"cgroup","executor":"([^"]+)".*?"oomKills":(\d+)/.exec(line);
    if (!kill) return;
    const [, executor, kills] = kill;
    this.recordedKills.set(executor!, Math.max(this.killsOf(executor!), Number(kills)));
  }

  /** Number of recorded OOM kills. */
  killsOf(executor: string): number {
    return this.recordedKills.get(executor) ?? 0;
  }

  /** Null if there is no such group. */
  async read(executor: string): Promise<CgroupCounters | null> {
    const cgroup = await this.source.cgroup();
    return cgroup ? readCounters(groupOf(cgroup, executor)) : null;
  }

  /** Records a new OOM kill. @param processes the current processes of the executor */
  async check(
    executor: string,
    counters: CgroupCounters,
    processes: readonly Process[]
  ): Promise<void> {
    if (counters.oomKills > this.killsOf(executor)) await this.record(executor, counters);
    this.lastProcesses.set(executor, processes.map(processMemory));
  }

  /** When an executor or one of its workers is gone: the absence of OOM kills must be recorded, too. */
  async recordNow(executor: string): Promise<void> {
    const counters = await this.read(executor);
    if (counters) await this.record(executor, counters);
  }

  /** Kills what is left of an executor that is gone, a little later. */
  clearLater(executor: string): void {
    void sleep(LEFTOVER_GRACE_MS, undefined, { signal: this.abort })
      .then(async () => {
        for (const pid of (await this.read(executor))?.pids ?? []) process.kill(pid, 'SIGKILL');
      })
      // The cluster was stopped meanwhile, or the processes ended by themselves.
      .catch(() => undefined);
  }

  private async record(executor: string, counters: CgroupCounters): Promise<void> {
    const { oomKills, limitMiB, peakMiB, quote, ref } = counters;
    // An executor that ended before it started: its group has no limit yet, and nothing to report.
    if (!Number.isFinite(limitMiB)) return;
    this.recordedKills.set(executor, oomKills);
    await this.source.record({
      kind: 'cgroup',
      executor,
      at: Date.now(),
      oomKills,
      limitMiB,
      peakMiB,
      // The memory use per process is only known from before the kill.
      processes: this.lastProcesses.get(executor) ?? [],
      quote,
      ref
    });
  }
}

/** The cgroup of one executor, in the cluster's. */
export const groupOf = (cgroup: string, executor: string) => join(cgroup, `executor-${executor}`);

function processMemory({ pid, command, rssMiB }: Process): ProcessMemory {
  const program = command.split(' ')[0]!.split('/').at(-1)!;
  return { pid, name: program.replace(/^python[\d.]*$/, 'python'), rssMiB };
}
