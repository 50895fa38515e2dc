import { isAbsolute } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Observation, ShareObservation } from '@aglais/diagnosis';
import { shareReport } from '@aglais/witness/share-reports';
import { followDriverLog, followLines } from '../../evidence/follow-files.js';
import type { EvidenceSink, SharePath } from '../launcher.js';
import { ClusterActivity } from './cluster-activity.js';
import { ExecutorCounters } from './executor-counters.js';
import { MemorySampler } from './memory-sampler.js';
import { isRunning, type ProcessName } from './process-table.js';
import type { ShareProbes } from './share-probes.js';

const REMOVED = /^\{"Event":"SparkListenerExecutorRemoved".*?"Executor ID":"([^"]+)"/;
/** A task whose Python worker vanished: only the kernel's counters can say whether it was killed for memory. */
const CRASHED = 'Python worker exited unexpectedly';
const TASK_END = /^\{"Event":"SparkListenerTaskEnd".*?"Executor ID":"([^"]+)"/;

/** Processes are looked at this often, ms. */
const SAMPLE_MS = 1_000;

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
  /** Called once, within a second of the driver's end. */
  onDriverEnded: () => void;
}

interface Following {
  source: EvidenceSource;
  counters: ExecutorCounters;
  activity: ClusterActivity;
  sink: EvidenceSink;
  abort: AbortSignal;
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
  const following = {
    source,
    counters: new ExecutorCounters(source, abort),
    activity: new ClusterActivity(),
    sink,
    abort
  };
  await Promise.all([
    followRecorded(following),
    followEvents(following),
    followDriverLog(source.directory, { abort }, () => isDriverRunning(source), source.record),
    watchDriver(following)
  ]);
}

/** Our own file is followed like Spark's: what is recorded comes back through it, and nothing comes twice. */
async function followRecorded(following: Following): Promise<void> {
  const { source, counters, activity, sink, abort } = following;
  await followLines(source.directory, 'evidence.jsonl', { abort }, (text, ref) => {
    counters.evidenceLine(text);
    activity.evidenceLine(text);
    sink.evidenceLine(text, ref);
  });
}

async function followEvents(following: Following): Promise<void> {
  const { source, counters, activity, sink, abort } = following;
  const { directory, record } = source;
  const take = async (text: string, ref: string): Promise<void> => {
    activity.eventLine(text);
    sink.eventLine(text, ref);
    // The kernel's counters are read at once, not at the next sample: they tell a kill for memory from any other.
    const crashed = text.includes(CRASHED) ? TASK_END.exec(text)?.[1] : undefined;
    if (crashed !== undefined) await counters.recordNow(crashed);
    const executor = REMOVED.exec(text)?.[1];
    if (executor === undefined) return;
    await counters.recordNow(executor);
    counters.clearLater(executor);
  };
  await followLines(directory, 'live.jsonl', { abort }, take, { record });
}

async function isDriverRunning({ driver }: EvidenceSource): Promise<boolean> {
  const name = await driver();
  return name !== null && (await isRunning(name));
}

/** Samples the memory of the cluster's processes, and checks its shares, for as long as its driver runs. */
async function watchDriver(following: Following): Promise<void> {
  const { source, counters, activity, sink, abort } = following;
  const shares = await watchShares(source, abort);
  const sampleForever = async (): Promise<void> => {
    let sampler: MemorySampler | null = null;
    let hasEnded = false;
    while (!abort.aborted) {
      const driver = await source.driver();
      if (driver && (await isRunning(driver))) {
        sampler ??= new MemorySampler(driver, source, counters, sink);
        await sampler.sample(activity.isActive);
        shares.setActive(activity.isActive);
      } else if (sampler && !hasEnded) {
        hasEnded = true;
        shares.close();
        source.onDriverEnded();
      }
      await sleep(SAMPLE_MS, undefined, { signal: abort }).catch(() => undefined);
    }
  };
  try {
    await Promise.race([sampleForever(), shares.failed]);
  } finally {
    shares.close();
  }
}

interface SharesWatch {
  setActive(isActive: boolean): void;
  close(): void;
  /** Rejects if what was found could not be recorded. */
  failed: Promise<never>;
}

/** A share that hangs makes Spark hang without a word. */
async function watchShares(source: EvidenceSource, abort: AbortSignal): Promise<SharesWatch> {
  const local = (await source.shares()).filter(({ path }) => isAbsolute(path));
  const over = new AbortController();
  const until = AbortSignal.any([abort, over.signal]);
  const { promise: failed, reject } = Promise.withResolvers<never>();
  const setters = local.map(({ id, path }) =>
    source.probes.watch(path, until, news => {
      const found = { ...shareReport(id, news), ref: path } as ShareObservation;
      source.record(found).catch(reject);
    })
  );
  return {
    setActive: isActive => setters.forEach(set => set(isActive)),
    close: () => over.abort(),
    failed
  };
}
