import {
  larger,
  largerMemory,
  NOT_MEASURED,
  type MeasuredMemory
} from '../eventlog/task-metrics.js';
import type { CgroupObservation, MemoryObservation } from '../observation.js';
import { MemorySeries } from './memory-series.js';

/** A process group reached its limit if its observed use was at least this share of it. */
const EXPLAINED = 0.8;

/**
 * Memory observations of one process group. Only peaks, the latest sample and one reading per kill are kept, so the
 * order of observations does not matter.
 */
export class MemoryFacts {
  peak: MeasuredMemory = NOT_MEASURED;
  /** Spark's latest measurements; each is kept until there is a newer one. */
  measured: MeasuredMemory | null = null;
  /** Unified memory (execution and storage), MiB. */
  unifiedMiB: number | null = null;
  readonly series = new MemorySeries();
  /** Peak resident memory of the whole group, MiB. */
  peakMiB: number | null = null;
  sample: MemoryObservation | null = null;
  /** The latest reading of the cgroup's counters. */
  cgroup: CgroupObservation | null = null;
  /** The first reading with each number of kills. */
  readonly kills = new Map<number, CgroupObservation>();

  /** A reported peak without a time. */
  addMeasured(memory: Partial<MeasuredMemory>): void {
    this.peak = largerMemory(this.peak, memory);
  }

  /** A measurement of Spark with its time: a heartbeat, or the peak of a task that ended then. */
  addMeasuredAt(at: number, memory: MeasuredMemory): void {
    this.addMeasured(memory);
    this.series.add(at, memory);
    if (memory.heapMiB !== null) this.measured = memory;
  }

  addSample(sample: MemoryObservation): void {
    if (!this.sample || newer(sample, this.sample, sample.rssMiB - this.sample.rssMiB)) {
      this.sample = sample;
    }
    if (!sample.passing) {
      this.peakMiB = larger(this.peakMiB, sample.rssMiB);
      this.addMeasured({ heapMiB: sample.heapUsedMiB, pythonMiB: sample.pythonMiB });
    }
    this.series.add(sample.at, {
      usedMiB: sample.rssMiB,
      heapMiB: sample.heapUsedMiB,
      pythonMiB: sample.pythonMiB
    });
  }

  addCgroup(reading: CgroupObservation): void {
    if (!this.cgroup || newer(reading, this.cgroup, reading.oomKills - this.cgroup.oomKills)) {
      this.cgroup = reading;
    }
    this.peakMiB = larger(this.peakMiB, reading.peakMiB);
    const processes = reading.processes ?? [];
    const sum = (name: string): number | null => {
      const own = processes.filter(process => process.name.startsWith(name));
      return own.length === 0 ? null : own.reduce((mib, process) => mib + process.rssMiB, 0);
    };
    this.addMeasured({ jvmMiB: sum('java'), pythonMiB: sum('python') });
    if (reading.oomKills > 0) {
      const known = this.kills.get(reading.oomKills);
      if (!known || newer(known, reading, known.ref < reading.ref ? -1 : 1)) {
        this.kills.set(reading.oomKills, reading);
      }
    }
  }

  /** Number of OOM kills in this cgroup so far. */
  get oomKills(): number {
    return Math.max(0, ...this.kills.keys());
  }

  /**
   * The peak memory of Python workers of a process that reached its limit, MiB. Null if it was not measured, or if all
   * measurements are far below the limit: heartbeats are some seconds apart, and growth between two of them is not
   * seen.
   */
  pythonAtLimit(limitMiB: number): number | null {
    const { jvmMiB, pythonMiB, otherMiB } = this.peak;
    if (pythonMiB === null || jvmMiB === null) return pythonMiB;
    return jvmMiB + pythonMiB + (otherMiB ?? 0) < EXPLAINED * limitMiB ? null : pythonMiB;
  }

  /** The recorded limit, MiB; null if unknown. */
  get limitMiB(): number | null {
    return this.cgroup?.limitMiB ?? this.sample?.limitMiB ?? null;
  }

  /** The current limit, MiB, for display only: it may be changed while the process runs. */
  get newestLimitMiB(): number | null {
    const { cgroup, sample } = this;
    const moved = cgroup && sample && sample.limitMiB !== null && sample.at > cgroup.at;
    return moved ? sample.limitMiB : this.limitMiB;
  }
}

function newer(a: { at: number }, b: { at: number }, tie: number): boolean {
  return a.at > b.at || (a.at === b.at && tie > 0);
}
