import { readdir } from 'node:fs/promises';
import type { MemoryObservation, Observation, SparkProcess } from '@aglais/diagnosis';
import type { EvidenceSink } from '../launcher.js';
import { readCountersNow, type CgroupCounters } from './cgroups.js';
import { groupOf, type ExecutorCounters } from './executor-counters.js';
import {
  descendants,
  readFamily,
  readProcess,
  readStat,
  type Process,
  type ProcessName
} from './process-table.js';

/** Interval of full samples while the cluster is idle and its memory does not change, ms. */
const REST_MS = 15_000;
/** Without cgroups: interval of the search for new processes of an idle cluster, ms. */
const RESCAN_MS = 60_000;
/** A change of this size causes a full sample immediately. */
const MOVED_MIB = 8;
/** Peaks are recorded in steps of this size. */
const PEAK_STEP_MIB = 16;

export interface MemorySource {
  /** The cluster's cgroup, or null where there are none. */
  cgroup: () => Promise<string | null>;
  /** Records an observation that is not in Spark's files. */
  record: (observation: Observation) => Promise<void>;
}

/** A cheap reading that shows whether anything has changed. */
interface Glance {
  usedMiB: number;
  oomKills: number;
}

interface Executor {
  processes: Process[];
  /** Their values before the processes were read. */
  glance: Glance | null;
  /** Null where there are no cgroups. */
  counters: CgroupCounters | null;
}

/**
 * Samples the memory of a cluster's processes. While it is active, at each call; while it is idle, a few cheap counters
 * are read, and everything only if one of them has changed or after a while. So OOM kills and peaks are seen as early
 * as in an active cluster.
 */
export class MemorySampler {
  private readonly peaks = new RecordedPeaks();
  private samples: MemoryObservation[] = [];
  private sampledAt = 0;
  /** When nothing had changed since the last sample: its values apply to these times, too. */
  private unchangedAt: number[] = [];
  private driverGlance: Glance | null = null;
  private executors = new Map<string, Executor>();
  private scannedAt = 0;
  /** Executors whose cgroup has no processes any more. */
  private readonly ended = new Set<string>();

  constructor(
    private readonly driver: ProcessName,
    private readonly source: MemorySource,
    private readonly counters: ExecutorCounters,
    private readonly sink: EvidenceSink
  ) {}

  async sample(isActive: boolean): Promise<void> {
    const now = Date.now();
    const cgroup = await this.source.cgroup();
    const hasMoved = !isActive && this.hasMoved(cgroup);
    if (isActive || hasMoved || now - this.sampledAt >= REST_MS) {
      this.sampledAt = now;
      await this.readAll(cgroup, now, isActive || hasMoved);
    } else {
      this.unchangedAt.push(now);
    }
  }

  private hasMoved(cgroup: string | null): boolean {
    if (!isClose(glanceAt([this.driver]), this.driverGlance)) return true;
    return [...this.executors].some(([executor, { processes, glance }]) => {
      const now = cgroup ? readCountersNow(groupOf(cgroup, executor)) : glanceAt(processes);
      return !isClose(now, glance);
    });
  }

  private async readAll(cgroup: string | null, at: number, mayBeNew: boolean): Promise<void> {
    for (const time of this.unchangedAt)
      for (const sample of this.samples) this.sink.observe({ ...sample, at: time });
    this.unchangedAt = [];
    this.samples = [];
    const driver = await readProcess(this.driver.pid);
    if (driver?.start !== this.driver.start) return;
    this.driverGlance = { usedMiB: driver.rssMiB, oomKills: 0 };
    this.show(memoryOf('driver', at, [driver], null));
    this.executors = cgroup ? await this.findByCgroup(cgroup) : await this.findByParent(mayBeNew);
    for (const [executor, { processes, counters }] of this.executors) {
      if (counters) await this.counters.check(executor, counters, processes);
      const sample = memoryOf({ executor }, at, processes, counters);
      this.show(sample);
      // Values on which findings depend are delivered through the record, so that the files lead to the same findings.
      if (this.peaks.add(executor, sample)) await this.source.record(sample);
    }
  }

  private show(sample: MemoryObservation): void {
    const shown: MemoryObservation = { ...sample, passing: true };
    this.samples.push(shown);
    this.sink.observe(shown);
  }

  /** A group contains an executor and all processes that it has started. */
  private async findByCgroup(cgroup: string): Promise<Map<string, Executor>> {
    const names = await readdir(cgroup).catch((): string[] => []);
    const found = new Map<string, Executor>();
    for (const executor of names.flatMap(name => /^executor-(.+)$/.exec(name)?.[1] ?? [])) {
      if (this.ended.has(executor)) continue;
      const glance = readCountersNow(groupOf(cgroup, executor));
      const counters = await this.counters.read(executor);
      const all = await Promise.all((counters?.pids ?? []).map(pid => readProcess(pid)));
      const processes = all.filter(process => process !== null);
      if (processes.length > 0) found.set(executor, { processes, glance, counters });
      // Before its first process a group is empty, too.
      else if (this.executors.has(executor)) this.ended.add(executor);
    }
    return found;
  }

  private async findByParent(mayBeNew: boolean): Promise<Map<string, Executor>> {
    const isScan = mayBeNew || Date.now() - this.scannedAt >= RESCAN_MS;
    if (isScan) this.scannedAt = Date.now();
    const known = isScan
      ? [...byExecutor(await readFamily(this.driver.pid))]
      : [...this.executors].map(([executor, { processes }]) => {
          const alive = processes.flatMap(one => {
            const stat = readStat(one.pid);
            return stat?.start === one.start ? [{ ...one, ...stat }] : [];
          });
          return [executor, alive] as const;
        });
    return new Map(
      known.map(([executor, processes]) => {
        const glance = { usedMiB: sumOf(processes), oomKills: 0 };
        return [executor, { processes, glance, counters: null }];
      })
    );
  }
}

/** The processes of each executor: its JVM and what that started. */
export function byExecutor(family: readonly Process[]): Map<string, Process[]> {
  const executors = new Map<string, Process[]>();
  for (const process of family) {
    const id = /CoarseGrainedExecutorBackend .*--executor-id (\S+)/.exec(process.command)?.[1];
    if (id !== undefined) executors.set(id, [process, ...descendants(family, process.pid)]);
  }
  return executors;
}

const sumOf = (list: readonly { rssMiB: number }[]) =>
  list.reduce((mib, process) => mib + process.rssMiB, 0);

/** Null if one of them has ended. */
function glanceAt(names: readonly ProcessName[]): Glance | null {
  const stats = names.map(({ pid, start }) => {
    const stat = readStat(pid);
    return stat?.start === start ? stat : null;
  });
  return stats.includes(null) ? null : { usedMiB: sumOf(stats as Process[]), oomKills: 0 };
}

function isClose(now: Glance | null, before: Glance | null): boolean {
  return (
    now !== null &&
    before !== null &&
    now.oomKills === before.oomKills &&
    Math.abs(now.usedMiB - before.usedMiB) < MOVED_MIB
  );
}

function memoryOf(
  who: SparkProcess,
  at: number,
  processes: readonly Process[],
  counters: CgroupCounters | null
): MemoryObservation {
  return {
    kind: 'memory',
    who,
    at,
    limitMiB: counters && Number.isFinite(counters.limitMiB) ? counters.limitMiB : null,
    rssMiB: counters?.usedMiB ?? sumOf(processes),
    pythonMiB: sumOf(processes.filter(process => /python/.test(process.command))),
    heapUsedMiB: null,
    heapLimitMiB: null
  };
}

/** Decides which samples are recorded: advice is computed from the peak. */
class RecordedPeaks {
  private readonly recorded = new Map<string, { rssMiB: number; pythonMiB: number }>();

  /** Whether the sample is well above all recorded ones. */
  add(executor: string, { rssMiB, pythonMiB: python }: MemoryObservation): boolean {
    const pythonMiB = python ?? 0;
    const peak = this.recorded.get(executor) ?? { rssMiB: 0, pythonMiB: 0 };
    if (rssMiB < peak.rssMiB + PEAK_STEP_MIB && pythonMiB < peak.pythonMiB + PEAK_STEP_MIB)
      return false;
    this.recorded.set(executor, {
      rssMiB: Math.max(rssMiB, peak.rssMiB),
      pythonMiB: Math.max(pythonMiB, peak.pythonMiB)
    });
    return true;
  }
}
