import { isAbsolute, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Observation, ProcessMemory, ShareObservation } from '@aglais/diagnosis';
import { shareReport } from '@aglais/witness/share-reports';
import { followDriverLog, followLines } from '../../evidence/follow-files.js';
import type { EvidenceSink, SharePath } from '../launcher.js';
import { readCounters, type CgroupCounters } from './cgroups.js';
import {
  descendants,
  findProcess,
  readProcesses,
  type Process,
  type ProcessName
} from './process-table.js';
import type { ShareProbes } from './share-probes.js';

const REMOVED = /^\{"Event":"SparkListenerExecutorRemoved".*?"Executor ID":"([^"]+)"/;
/** A task whose Python worker vanished: only the kernel's counters can say whether it was killed for memory. */
const CRASHED = 'Python worker exited unexpectedly';
const TASK_END = /^\{"Event":"SparkListenerTaskEnd".*?"Executor ID":"([^"]+)"/;

/** Memory is looked at this often. */
const SAMPLE_MS = 1_000;
const PEAK_STEP_MIB = 16;
/** After its executor is gone, what is left in a cgroup (helpers that a task had started) gets this long to end. */
const LEFTOVER_GRACE_MS = 5_000;

export interface EvidenceSource {
  /** The cluster's directory: `live.jsonl` is written by the driver, `evidence.jsonl` by us. */
  directory: string;
  driver: () => Promise<ProcessName | null>;
  cgroup: () => Promise<string | null>;
  /** The shares that the cluster was started with. */
  shares: () => Promise<SharePath[]>;
  probes: ShareProbes;
  /** Keeps an observation that no file of Spark's holds. */
  record: (observation: Observation) => Promise<void>;
}

/**
 * All evidence of a cluster on this machine, in the order in which it can be had: what was recorded before, Spark's own
 * events from the first on, and from now on the memory of its processes and the counters of its cgroups.
 * Ends with the signal.
 */
export async function followEvidence(
  source: EvidenceSource,
  sink: EvidenceSink,
  abort: AbortSignal
): Promise<void> {
  const cgroups = new CgroupWatch(source, abort);
  await Promise.all([
    followRecorded(source, cgroups, sink, abort),
    followEvents(source, cgroups, sink, abort),
    followDriverLog(source.directory, { abort }, () => isLiving(source), source.record),
    sampleMemory(source, cgroups, sink, abort),
    watchShares(source, abort)
  ]);
}

/** Our own file is followed like Spark's: what is recorded comes back through it, and nothing comes twice. */
async function followRecorded(
  { directory }: EvidenceSource,
  cgroups: CgroupWatch,
  sink: EvidenceSink,
  abort: AbortSignal
): Promise<void> {
  await followLines(directory, 'evidence.jsonl', { abort }, (text, ref) => {
    cgroups.known(text);
    sink.evidenceLine(text, ref);
  });
}

async function followEvents(
  { directory, record }: EvidenceSource,
  cgroups: CgroupWatch,
  sink: EvidenceSink,
  abort: AbortSignal
): Promise<void> {
  const take = async (text: string, ref: string): Promise<void> => {
    sink.eventLine(text, ref);
    // The kernel's counters are asked at once, not at the next sample: they tell a kill for memory from any other.
    const crashed = text.includes(CRASHED) ? TASK_END.exec(text)?.[1] : undefined;
    if (crashed !== undefined) await cgroups.recordNow(crashed);
    const executor = REMOVED.exec(text)?.[1];
    if (executor === undefined) return;
    await cgroups.recordNow(executor);
    cgroups.clearLater(executor);
  };
  await followLines(directory, 'live.jsonl', { abort }, take, { record });
}

/** A share that hangs makes Spark hang without a word: it is looked at for as long as the driver lives. */
async function watchShares(source: EvidenceSource, abort: AbortSignal): Promise<void> {
  const local = (await source.shares()).filter(({ path }) => isAbsolute(path));
  if (local.length === 0) return;
  const over = new AbortController();
  const until = AbortSignal.any([abort, over.signal]);
  const failed = new Promise<never>((_, reject) => {
    for (const { id, path } of local) {
      source.probes.watch(path, until, news => {
        const found = { ...shareReport(id, news), ref: path } as ShareObservation;
        source.record(found).catch(reject);
      });
    }
  });
  const ended = async (): Promise<void> => {
    // Before it begins there is no driver yet, and what is found then counts, too.
    let begun = false;
    while (!abort.aborted && !(begun && !(await isLiving(source)))) {
      begun ||= await isLiving(source);
      await sleep(SAMPLE_MS, undefined, { signal: abort }).catch(() => undefined);
    }
  };
  try {
    await Promise.race([ended(), failed]);
  } finally {
    over.abort();
  }
}

async function isLiving({ driver }: EvidenceSource): Promise<boolean> {
  const name = await driver();
  return name !== null && (await findProcess(name)) !== null;
}

async function sampleMemory(
  source: EvidenceSource,
  cgroups: CgroupWatch,
  sink: EvidenceSink,
  abort: AbortSignal
): Promise<void> {
  const peaks = new Peaks();
  while (!abort.aborted) {
    const driver = await source.driver();
    const found = driver && (await findProcess(driver));
    if (found) {
      const family = descendants(await readProcesses(), found.pid);
      const at = Date.now();
      const driverMemory = memoryOf([found], null);
      sink.observe({ kind: 'memory', who: 'driver', at, ...driverMemory, passing: true });
      for (const [executor, processes] of byExecutor(family)) {
        const counters = await cgroups.look(executor, processes);
        const sample = {
          kind: 'memory' as const,
          who: { executor },
          at,
          ...memoryOf(processes, counters)
        };
        // What findings rest on comes back from the record, so that the files lead to the same.
        sink.observe({ ...sample, passing: true });
        if (peaks.isNew(executor, sample.rssMiB, sample.pythonMiB)) await source.record(sample);
      }
    }
    await sleep(SAMPLE_MS, undefined, { signal: abort }).catch(() => undefined);
  }
}

/** The processes of each executor: its Java and what that started. */
export function byExecutor(family: readonly Process[]): Map<string, Process[]> {
  const executors = new Map<string, Process[]>();
  for (const process of family) {
    const id = /CoarseGrainedExecutorBackend .*--executor-id (\S+)/.exec(process.command)?.[1];
    if (id !== undefined) executors.set(id, [process, ...descendants(family, process.pid)]);
  }
  return executors;
}

function memoryOf(processes: readonly Process[], counters: CgroupCounters | null) {
  const sum = (list: readonly Process[]) => list.reduce((mib, process) => mib + process.rssMiB, 0);
  return {
    limitMiB: counters && Number.isFinite(counters.limitMiB) ? counters.limitMiB : null,
    rssMiB: counters?.usedMiB ?? sum(processes),
    pythonMiB: sum(processes.filter(process => /python/.test(process.command))),
    heapUsedMiB: null,
    heapLimitMiB: null
  };
}

/** Says which samples are worth leaseHolder: advice is computed from the most that was ever used. */
class Peaks {
  private readonly recorded = new Map<string, { rssMiB: number; pythonMiB: number }>();

  isNew(executor: string, rssMiB: number, pythonMiB: number): boolean {
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

/** Records what the kernel counted in the executors' cgroups, each kill once. */
class CgroupWatch {
  private readonly killsKnown = new Map<string, number>();
  private readonly lastProcesses = new Map<string, ProcessMemory[]>();

  constructor(
    private readonly source: EvidenceSource,
    private readonly abort: AbortSignal
  ) {}

  /** A kill that was recorded before, by this server or an earlier one. */
  known(line: string): void {
    const kill = /^\{"kind":"cgroup","executor":"([^"]+)".*?"oomKills":(\d+)/.exec(line);
    if (!kill) return;
    const [, executor, kills] = kill;
    this.killsKnown.set(executor!, Math.max(this.killsKnown.get(executor!) ?? 0, Number(kills)));
  }

  /** @param processes what runs in the executor now, if that is known */
  async look(executor: string, processes?: readonly Process[]): Promise<CgroupCounters | null> {
    const path = await this.path(executor);
    const counters = path && (await readCounters(path));
    if (!counters) return null;
    if (counters.oomKills > (this.killsKnown.get(executor) ?? 0)) {
      await this.recordCounters(executor, counters);
    }
    if (processes) this.lastProcesses.set(executor, processes.map(processMemory));
    return counters;
  }

  /** When an executor or a worker of it is gone: that nothing was killed for memory must be on record too. */
  async recordNow(executor: string): Promise<void> {
    const path = await this.path(executor);
    const counters = path && (await readCounters(path));
    if (counters) await this.recordCounters(executor, counters);
  }

  clearLater(executor: string): void {
    void sleep(LEFTOVER_GRACE_MS, undefined, { signal: this.abort })
      .then(async () => {
        const path = await this.path(executor);
        const pids = path ? ((await readCounters(path))?.pids ?? []) : [];
        for (const pid of pids) process.kill(pid, 'SIGKILL');
      })
      // The cluster was stopped meanwhile, or the processes ended by themselves.
      .catch(() => undefined);
  }

  private async recordCounters(executor: string, counters: CgroupCounters): Promise<void> {
    const { oomKills, limitMiB, peakMiB, quote, ref } = counters;
    // An executor that was ended before it had begun: its group has no limit yet, and nothing to tell.
    if (!Number.isFinite(limitMiB)) return;
    this.killsKnown.set(executor, oomKills);
    await this.source.record({
      kind: 'cgroup',
      executor,
      at: Date.now(),
      oomKills,
      limitMiB,
      peakMiB,
      // Who used the memory can only be said from before the kill.
      processes: this.lastProcesses.get(executor) ?? [],
      quote,
      ref
    });
  }

  private async path(executor: string): Promise<string | null> {
    const cgroup = await this.source.cgroup();
    return cgroup && join(cgroup, `executor-${executor}`);
  }
}

function processMemory({ pid, command, rssMiB }: Process): ProcessMemory {
  const program = command.split(' ')[0]!.split('/').at(-1)!;
  return { pid, name: program.replace(/^python[\d.]*$/, 'python'), rssMiB };
}
