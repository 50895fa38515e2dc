import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CapacityObservation, Observation } from '@aglais/diagnosis';
import type { CoreV1Event, V1Pod } from '@kubernetes/client-node';
import type { Logger } from 'pino';
import { backOff } from '../../../back-off.js';
import {
  followDriverLog,
  followLines,
  followShareReports
} from '../../../evidence/follow-files.js';
import { limitReport, refOf } from '../../../evidence/limit-reports.js';
import type { EvidenceSink } from '../../launcher.js';
import type { ClusterEvidence } from './cluster-evidence.js';
import { DiskReserve } from './disk-reserve.js';
import { EvidenceFile, type EvidenceRecord } from './evidence-file.js';
import { Mirror } from './mirror.js';
import { PodRecorder } from './pod-recorder.js';
import { readReadyFile, type DriverReady } from './ready-file.js';
import type { Witness } from './witness-client.js';

export type { Witness } from './witness-client.js';

/** How long readers get to process the last of it. */
const FLUSH_MS = 5_000;
/** After the driver's end, other servers get this long to fetch its last bytes, too, ms. */
const OTHERS_MS = 1_000;

export interface KubernetesEvidenceOptions {
  /** It has one directory per cluster. */
  directory: string;
  log: Logger;
  /** Record that is shared with other servers; `null`: this is the only server. */
  shared?: SharedEvidence | null;
}

/** Evidence of which every server keeps a copy. */
export interface SharedEvidence {
  recordOf(cluster: string): EvidenceRecord;
  /** It is not read any more. */
  forget(cluster: string): void;
}

/** The state of one cluster. */
interface Held {
  file: EvidenceRecord;
  pods: PodRecorder;
  mirror: Mirror | null;
  /** Aborted when the driver's files are complete. */
  over: AbortController;
  /** Each resolves when a reader has processed everything. */
  followers: Set<() => Promise<void>>;
  ready: DriverReady | null;
}

/**
 * Evidence of all clusters of one launcher, as files: the driver's files, mirrored from its pod, and recorded pod
 * statuses and Events, which the launcher passes on. Readers follow the files: live and offline diagnosis see the same.
 */
export class KubernetesEvidence implements ClusterEvidence {
  private readonly clusters = new Map<string, Held>();
  private readonly abort = new AbortController();
  private readonly disk: DiskReserve;

  constructor(private readonly options: KubernetesEvidenceOptions) {
    this.disk = new DiskReserve(options.directory, options.log);
  }

  pod(clusterId: string, pod: V1Pod): void {
    this.of(clusterId).pods.pod(pod);
  }

  event(clusterId: string, event: CoreV1Event): void {
    this.of(clusterId).pods.event(event);
  }

  capacity(clusterId: string, capacity: CapacityObservation): void {
    this.of(clusterId).pods.capacity(capacity);
  }

  podRecorded(clusterId: string, uid: string): boolean {
    return this.clusters.get(clusterId)?.pods.isRecorded(uid) ?? false;
  }

  /** Copies what the driver writes, until `ended`. Resumes where a previous server stopped. Idempotent. */
  mirror(clusterId: string, witness: Witness): void {
    const held = this.of(clusterId);
    if (held.over.signal.aborted) return;
    const { log, shared } = this.options;
    held.mirror ??= new Mirror({
      directory: this.directoryOf(clusterId),
      witness,
      log,
      othersRead: Boolean(shared),
      disk: this.disk,
      onLimit: (path, bytes) => void this.recordLimit(clusterId, path, bytes)
    });
  }

  async ready(clusterId: string): Promise<DriverReady | null> {
    const held = this.of(clusterId);
    held.ready ??= await readReadyFile(join(this.directoryOf(clusterId), 'ready'));
    return held.ready;
  }

  /**
   * The cluster has ended: fetches the last bytes, stops copying, and resolves when all readers have processed
   * everything that is known by then, within a bounded time. Idempotent.
   */
  async ended(clusterId: string): Promise<void> {
    const held = this.of(clusterId);
    await held.mirror?.finish();
    await held.pods.idle();
    held.over.abort();
    await this.flush(clusterId);
    if (!this.options.shared || !held.mirror) return;
    await sleep(OTHERS_MS, undefined, { signal: this.abort.signal }).catch(() => undefined);
    await held.mirror.release();
  }

  async flush(clusterId: string): Promise<void> {
    const { pods, followers } = this.of(clusterId);
    await pods.idle();
    const flushed = [...followers].map(caughtUp => caughtUp());
    const deadline = AbortSignal.any([this.abort.signal, AbortSignal.timeout(FLUSH_MS)]);
    await Promise.race([Promise.all(flushed), once(deadline, 'abort')]);
  }

  /** Another server has completed the end of the cluster: stops copying. Idempotent. */
  async abandon(clusterId: string): Promise<void> {
    const held = this.clusters.get(clusterId);
    if (!held || held.over.signal.aborted) return;
    held.over.abort();
    await held.mirror?.close();
  }

  /** All evidence from the start, then as it arrives, until aborted. */
  async follow(id: string, sink: EvidenceSink, signal: AbortSignal): Promise<void> {
    const directory = this.directoryOf(id);
    const { over, file, followers } = this.of(id);
    const driver = { abort: signal, over: over.signal };
    // Files of a previous server may have to be repaired before they are read.
    await this.persist(id, () => file.size(), signal);
    const record = (found: Observation): Promise<void> =>
      this.persist(id, () => this.record(id, found), signal);
    const events = (text: string, ref: string): void => sink.eventLine(text, ref);
    const ofDriver = Promise.all([
      followLines(directory, 'live.jsonl', driver, events, { record }),
      followDriverLog(directory, driver, () => Promise.resolve(!over.signal.aborted), record),
      followShareReports(directory, driver, record)
    ]);
    let bytes = 0;
    // Continues after the end of the cluster: kernels report how their cells ended, and pods are deleted.
    const ofOthers = followLines(
      directory,
      'evidence.jsonl',
      { abort: signal },
      (text, ref) => sink.evidenceLine(text, ref),
      { onRead: read => (bytes = read) }
    );
    const caughtUp = async (): Promise<void> => {
      await ofDriver;
      const size = await file.size();
      while (bytes < size && !signal.aborted) await sleep(5);
    };
    followers.add(caughtUp);
    try {
      await Promise.all([ofDriver, ofOthers]);
    } finally {
      followers.delete(caughtUp);
    }
  }

  async copied(id: string): Promise<void> {
    await this.of(id).file.size();
  }

  async record(id: string, observation: Observation): Promise<void> {
    await this.of(id).file.append(observation);
  }

  /** Deletes all evidence of a cluster. Idempotent. */
  async forget(id: string): Promise<void> {
    const held = this.clusters.get(id);
    if (held) {
      held.pods.stop();
      await held.mirror?.close();
      await held.pods.idle();
      await held.file.idle();
    }
    this.clusters.delete(id);
    this.options.shared?.forget(id);
    await rm(this.directoryOf(id), { recursive: true, force: true });
  }

  /** Stops copying, for all clusters; the next server resumes. */
  async close(): Promise<void> {
    this.abort.abort();
    for (const { mirror, pods } of this.clusters.values()) {
      await mirror?.close();
      await pods.idle();
    }
  }

  /** For files that are read line by line the reader reports it. */
  private async recordLimit(id: string, path: string, bytes: number): Promise<void> {
    const file = this.clusters.get(id)?.file;
    if (!file || !path.startsWith('eventlog/')) return;
    const what = { limit: 'file' as const, bytes };
    const work = async (): Promise<void> => {
      const known = await file.read();
      if (known.some(one => one.kind === 'log' && one.ref === refOf(path, what))) return;
      await file.append(limitReport(path, what));
    };
    await this.persist(id, work, this.abort.signal);
  }

  /** Disk or database may be unavailable for a while; readers must not be lost because of that. */
  private async persist(
    cluster: string,
    work: () => Promise<unknown>,
    signal: AbortSignal
  ): Promise<void> {
    for (let failures = 1; !signal.aborted; failures += 1) {
      try {
        await work();
        return;
      } catch (error) {
        this.options.log.error({ err: error, cluster }, 'Evidence waits; it is tried again.');
        const ms = backOff(failures, Math.random());
        await sleep(ms, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  private of(clusterId: string): Held {
    let held = this.clusters.get(clusterId);
    if (!held) {
      const { shared, log } = this.options;
      const file =
        shared?.recordOf(clusterId) ??
        new EvidenceFile(join(this.directoryOf(clusterId), 'evidence.jsonl'));
      held = {
        file,
        pods: new PodRecorder({ cluster: clusterId, file, log, signal: this.abort.signal }),
        mirror: null,
        over: new AbortController(),
        followers: new Set(),
        ready: null
      };
      this.clusters.set(clusterId, held);
    }
    return held;
  }

  private directoryOf(clusterId: string): string {
    return join(this.options.directory, clusterId);
  }
}
