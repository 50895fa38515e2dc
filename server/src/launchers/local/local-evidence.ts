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
/** A task whose Python worker died: only the kernel's counters show whether it was OOM-killed. */
const CRASHED = 'Python worker exited unexpectedly';
const TASK_END = /^\{"Event":"SparkListenerTaskEnd".*?"Executor ID":"([^"]+)"/;

/** Sampling interval of processes, ms. */
const SAMPLE_MS = 1_000;

export interface EvidenceSource {
  /** The cluster's directory: the driver writes `live.jsonl`, the server `evidence.jsonl`. */
  directory: string;
  driver: () => Promise<ProcessName | null>;
  cgroup: () => Promise<string | null>;
  /** The shares of the cluster. */
  shares: () => Promise<SharePath[]>;
  probes: ShareProbes;
  /** Records an observation that is not in Spark's files. */
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
 * All evidence of a local cluster, in order of availability: recorded observations, all of Spark's events, and from now
 * on the memory of its processes and the counters of its cgroups. Ends when aborted.
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

/**
 * The server's own file is followed like Spark's: recorded observations are delivered through it, and nothing is
 * delivered twice.
 */
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
    // The kernel's counters are read immediately, not with the next sample: they distinguish an OOM kill from others.
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

/** Samples the memory of the cluster's processes, and checks its shares, while its driver is running. */
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
  /** Rejects if the result could not be recorded. */
  failed: Promise<never>;
}

/** A share that hangs makes Spark hang silently. */
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
