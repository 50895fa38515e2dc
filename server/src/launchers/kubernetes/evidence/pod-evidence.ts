import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, open, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  readPod,
  readPodEvent,
  type Observation,
  type CapacityObservation
} from '@aglais/diagnosis';
import type { CoreV1Event, KubernetesObject, V1Pod } from '@kubernetes/client-node';
import { SHARE_REPORTS } from '@aglais/witness/share-reports';
import type { Logger } from 'pino';
import { backOff } from '../../../back-off.js';
import {
  followDriverLog,
  followLines,
  followShareReports
} from '../../../evidence/follow-files.js';
import type { EvidenceSink } from '../../launcher.js';
import { EvidenceFile, type EvidenceRecord } from './evidence-file.js';
import { Mirror } from './mirror.js';
import { PodRecords } from './pod-records.js';
import type { Witness } from './witness-client.js';

export type { Witness } from './witness-client.js';

/** Those who follow get this long to take the last of it. */
const FLUSH_MS = 5_000;

export interface KubernetesEvidenceOptions {
  /** A folder in it for each cluster. */
  directory: string;
  log: Logger;
  /** Where others read and write the record, too; `null`: this server is alone. */
  shared?: SharedEvidence | null;
}

/** Evidence of which every server keeps a copy. */
export interface SharedEvidence {
  recordOf(cluster: string): EvidenceRecord;
  /** It is not read any more. */
  forget(cluster: string): void;
}

/** After the driver's end, other servers get this long to fetch its last bytes, too, ms. */
const OTHERS_MS = 1_000;

/** What is in hand of one cluster. */
interface ClusterEvidence {
  file: EvidenceRecord;
  /** Knows what is on record once this is resolved. */
  records: Promise<PodRecords>;
  /** By UID of a pod: its newest version that was handed over, and the newest that is on the disk. */
  versions: Map<string, { handedOver: string; onDisk: string | null }>;
  /** Statuses and events are taken one by one, in their order. */
  queue: Promise<void>;
  mirror: Mirror | null;
  /** Aborted when nothing of the driver's will come any more. */
  over: AbortController;
  /** Each resolves when somebody who follows was told everything. */
  followers: Set<() => Promise<void>>;
  isForgotten: boolean;
  ready: { port: number; problems: string[] } | null;
}

/**
 * Evidence of all clusters of one launcher, as files: what the driver wrote, mirrored from its pod, and what was seen of
 * pods and Events, in the words of Kubernetes. The launcher hands over the pods and events that it sees. Whoever follows
 * reads the files: what is seen live is what is found offline.
 */
export class KubernetesEvidence {
  private readonly clusters = new Map<string, ClusterEvidence>();
  private readonly abort = new AbortController();

  constructor(private readonly options: KubernetesEvidenceOptions) {}

  /** Every status seen of a pod of the cluster; what decides something is put on record. */
  pod(clusterId: string, pod: V1Pod): void {
    const uid = pod.metadata?.uid ?? '';
    const version = pod.metadata?.resourceVersion ?? '';
    const { versions } = this.of(clusterId);
    const known = versions.get(uid);
    versions.set(uid, { handedOver: version, onDisk: known?.onDisk ?? null });
    this.take(clusterId, async (cluster, records) => {
      const seen = readPod(asJson(pod), pod.metadata?.namespace ?? '');
      if (seen && records.isNewStatus(seen)) await cluster.file.append(seen);
      const now = cluster.versions.get(uid);
      if (now) cluster.versions.set(uid, { ...now, onDisk: version });
    });
  }

  /** Every Event seen about a pod of the cluster. */
  event(clusterId: string, event: CoreV1Event): void {
    this.take(clusterId, async (cluster, records) => {
      const seen = readPodEvent(asJson(event), event.metadata?.namespace ?? '');
      if (seen && records.isNewEvent(seen)) await cluster.file.append(seen);
    });
  }

  /** What nodes have free while a pod of the cluster waits for one, as often as somebody looks. */
  capacity(clusterId: string, capacity: CapacityObservation): void {
    this.take(clusterId, async (cluster, records) => {
      if (records.isNewCapacity(capacity)) await cluster.file.append(capacity);
    });
  }

  /** Whether everything that was handed over of this pod is on the disk, so that the pod may be deleted. */
  podRecorded(clusterId: string, uid: string): boolean {
    const known = this.clusters.get(clusterId)?.versions.get(uid);
    return known !== undefined && known.onDisk === known.handedOver;
  }

  /** Copies what the driver writes, until `ended`. Goes on where an earlier server was. Idempotent. */
  mirror(clusterId: string, witness: Witness): void {
    const cluster = this.of(clusterId);
    if (cluster.over.signal.aborted) return;
    const { log, shared } = this.options;
    const directory = this.directoryOf(clusterId);
    cluster.mirror ??= new Mirror({ directory, witness, log, othersRead: Boolean(shared) });
  }

  /** From the file that the driver wrote when it could be used; null before. */
  ready(clusterId: string): { port: number; problems: string[] } | null {
    const cluster = this.of(clusterId);
    cluster.ready ??= readReady(join(this.directoryOf(clusterId), 'ready'));
    return cluster.ready;
  }

  /**
   * The cluster is over: fetches the last bytes, stops copying, and resolves when everything that is known by then was
   * told to those who follow, within a bounded time. Idempotent.
   */
  async ended(clusterId: string): Promise<void> {
    const cluster = this.of(clusterId);
    await cluster.mirror?.finish();
    await cluster.queue;
    cluster.over.abort();
    await this.told(clusterId);
    if (!this.options.shared || !cluster.mirror) return;
    await sleep(OTHERS_MS, undefined, { signal: this.abort.signal }).catch(() => undefined);
    await cluster.mirror.release();
  }

  /** Those who follow have been told what was seen so far, within a bounded time. */
  async told(clusterId: string): Promise<void> {
    const cluster = this.of(clusterId);
    await cluster.queue;
    const told = [...cluster.followers].map(caughtUp => caughtUp());
    const deadline = AbortSignal.any([this.abort.signal, AbortSignal.timeout(FLUSH_MS)]);
    await Promise.race([Promise.all(told), once(deadline, 'abort')]);
  }

  /** Another server has seen the cluster to its end: nothing of it is copied any more. Idempotent. */
  async over(clusterId: string): Promise<void> {
    const cluster = this.clusters.get(clusterId);
    if (!cluster || cluster.over.signal.aborted) return;
    cluster.over.abort();
    await cluster.mirror?.close();
  }

  /** All evidence from the beginning on, then as it comes, until the signal. */
  async follow(id: string, sink: EvidenceSink, signal: AbortSignal): Promise<void> {
    const directory = this.directoryOf(id);
    const { over, file, followers } = this.of(id);
    const driver = { abort: signal, over: over.signal };
    // What an earlier server left may have to be put right before it is read.
    await this.persist(id, () => file.size(), signal);
    let bytes = 0;
    const ofDriver = Promise.all([
      followLines(directory, 'live.jsonl', driver, (text, ref) => sink.eventLine(text, ref)),
      followDriverLog(
        directory,
        driver,
        () => Promise.resolve(!over.signal.aborted),
        found => this.persist(id, () => this.record(id, found), signal)
      ),
      followShareReports(directory, driver, found =>
        this.persist(id, () => this.record(id, found), signal)
      )
    ]);
    // Goes on when the cluster is over: kernels tell how their cells ended, and pods are seen to go.
    const ofOthers = followLines(
      directory,
      'evidence.jsonl',
      { abort: signal },
      (text, ref) => sink.evidenceLine(text, ref),
      read => (bytes = read)
    );
    const caughtUp = async (): Promise<void> => {
      // A driver that never began has written nothing, and its files are not waited for.
      for (const name of ['live.jsonl', 'driver.log', SHARE_REPORTS])
        await touch(join(directory, name));
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

  /** What is on record of a cluster is in its file when this resolves. */
  async copied(id: string): Promise<void> {
    await this.of(id).file.size();
  }

  /** Adds what someone else observed. */
  async record(id: string, observation: Observation): Promise<void> {
    await this.of(id).file.append(observation);
  }

  /** Removes all evidence of a cluster. Idempotent. */
  async forget(id: string): Promise<void> {
    const cluster = this.clusters.get(id);
    if (cluster) {
      cluster.isForgotten = true;
      await cluster.mirror?.close();
      await cluster.queue;
      await cluster.file.idle();
    }
    this.clusters.delete(id);
    this.options.shared?.forget(id);
    await rm(this.directoryOf(id), { recursive: true, force: true });
  }

  /** Stops copying, of all clusters; the next server goes on. */
  async close(): Promise<void> {
    this.abort.abort();
    for (const { mirror, queue } of this.clusters.values()) {
      await mirror?.close();
      await queue;
    }
  }

  /** Disk or database may be away for a while; whoever follows must not be lost by that. */
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

  private take(
    clusterId: string,
    act: (cluster: ClusterEvidence, records: PodRecords) => Promise<void>
  ): void {
    const cluster = this.of(clusterId);
    cluster.queue = cluster.queue.then(async () => {
      for (let failures = 1; !this.abort.signal.aborted && !cluster.isForgotten; failures += 1) {
        try {
          return await act(cluster, await cluster.records);
        } catch (error) {
          const { log } = this.options;
          log.error(
            { err: error, cluster: clusterId },
            'Evidence of a pod cannot be written; it is tried again, and its pod is kept meanwhile.'
          );
          // What was not written is not known.
          cluster.records = recordsOf(cluster.file);
          const ms = backOff(failures, Math.random());
          await sleep(ms, undefined, { signal: this.abort.signal }).catch(() => undefined);
        }
      }
    });
  }

  private of(clusterId: string): ClusterEvidence {
    let cluster = this.clusters.get(clusterId);
    if (!cluster) {
      const file =
        this.options.shared?.recordOf(clusterId) ??
        new EvidenceFile(join(this.directoryOf(clusterId), 'evidence.jsonl'));
      cluster = {
        file,
        records: recordsOf(file),
        versions: new Map(),
        queue: Promise.resolve(),
        mirror: null,
        over: new AbortController(),
        followers: new Set(),
        isForgotten: false,
        ready: null
      };
      this.clusters.set(clusterId, cluster);
    }
    return cluster;
  }

  private directoryOf(clusterId: string): string {
    return join(this.options.directory, clusterId);
  }
}

function recordsOf(file: EvidenceRecord): Promise<PodRecords> {
  const reading = file.read().then(known => {
    const records = new PodRecords();
    for (const observation of known) records.known(observation);
    return records;
  });
  // Whoever waits for it hears of its failure.
  reading.catch(() => undefined);
  return reading;
}

/** The generated client has Dates where the API's JSON, and so our reader, has texts. */
function asJson(object: KubernetesObject): Record<string, unknown> {
  return JSON.parse(JSON.stringify(object)) as Record<string, unknown>;
}

/** Its first line is the port; each further line names a table that could not be made known (aglais.Readiness). */
function readReady(path: string): { port: number; problems: string[] } | null {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return null;
  }
  const [port, ...problems] = text.trim().split('\n');
  return port ? { port: Number(port), problems } : null;
}

async function touch(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await (await open(path, 'a', 0o600)).close();
}
