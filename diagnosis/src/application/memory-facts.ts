import {
  larger,
  largerMemory,
  NOT_MEASURED,
  type MeasuredMemory
} from '../eventlog/task-metrics.js';
import type { CgroupObservation, MemoryObservation } from '../observation.js';
import { MemorySeries } from './memory-series.js';

/** Of a limit that was met, this share at least must have been seen in use. */
const EXPLAINED = 0.8;

/**
 * What was observed of one process group's memory. Only peaks, the newest sample and one reading
 * for each kill are kept, so the order in which observations arrive does not matter.
 */
export class MemoryFacts {
  peak: MeasuredMemory = NOT_MEASURED;
  /** What Spark measured last; kept while nothing newer is measured. */
  measured: MeasuredMemory | null = null;
  /** Room for execution and storage together, MiB. */
  unifiedMiB: number | null = null;
  readonly series = new MemorySeries();
  /** Most resident memory of the whole group, MiB. */
  peakMiB: number | null = null;
  sample: MemoryObservation | null = null;
  /** The newest reading of the cgroup's counters. */
  cgroup: CgroupObservation | null = null;
  /** The first reading that showed each number of kills. */
  readonly kills = new Map<number, CgroupObservation>();

  /** A peak that somebody measured, at no particular time. */
  addMeasured(memory: Partial<MeasuredMemory>): void {
    this.peak = largerMemory(this.peak, memory);
  }

  /** What Spark measured at a time: a heartbeat, or the peak of a task that ended then. */
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

  /** Processes that the kernel has killed in this cgroup so far. */
  get oomKills(): number {
    return Math.max(0, ...this.kills.keys());
  }

  /**
   * The most that Python workers were seen to use where a limit was met, MiB. Null if nobody measured it, or if all that was
   * measured is far from the limit: heartbeats come every few seconds, and what grew in between was seen by nobody.
   */
  pythonAtLimit(limitMiB: number): number | null {
    const { jvmMiB, pythonMiB, otherMiB } = this.peak;
    if (pythonMiB === null || jvmMiB === null) return pythonMiB;
    return jvmMiB + pythonMiB + (otherMiB ?? 0) < EXPLAINED * limitMiB ? null : pythonMiB;
  }

  /** The limit that is on record, MiB; null if nobody looked. */
  get limitMiB(): number | null {
    return this.cgroup?.limitMiB ?? this.sample?.limitMiB ?? null;
  }

  /** The limit as it was seen last, MiB: it may be moved under a process that lives. Only to be shown. */
  get newestLimitMiB(): number | null {
    const { cgroup, sample } = this;
    const moved = cgroup && sample && sample.limitMiB !== null && sample.at > cgroup.at;
    return moved ? sample.limitMiB : this.limitMiB;
  }
}

function newer(a: { at: number }, b: { at: number }, tie: number): boolean {
  return a.at > b.at || (a.at === b.at && tie > 0);
}
