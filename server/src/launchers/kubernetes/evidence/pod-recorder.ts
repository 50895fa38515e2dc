import { setTimeout as sleep } from 'node:timers/promises';
import { readPod, readPodEvent, type CapacityObservation } from '@aglais/diagnosis';
import type { CoreV1Event, KubernetesObject, V1Pod } from '@kubernetes/client-node';
import type { Logger } from 'pino';
import { backOff } from '../../../back-off.js';
import type { EvidenceRecord } from './evidence-file.js';
import { PodRecords } from './pod-records.js';

export interface PodRecorderOptions {
  cluster: string;
  file: EvidenceRecord;
  log: Logger;
  /** Aborted when the server ends. */
  signal: AbortSignal;
}

/**
 * Puts what is seen of one cluster's pods on record: statuses, Events, and what nodes have free. One at a time, in their
 * order, each until the disk takes it.
 */
export class PodRecorder {
  /** By UID of a pod: its newest version that was handed over, and the newest that is on the disk. */
  private readonly versions = new Map<string, { handedOver: string; onDisk: string | null }>();
  /** Knows what is on record once this is resolved. */
  private records: Promise<PodRecords>;
  private queue: Promise<void> = Promise.resolve();
  private isStopped = false;

  constructor(private readonly options: PodRecorderOptions) {
    this.records = recordsOf(options.file);
  }

  /** Every status seen of a pod; what decides something is put on record. */
  pod(pod: V1Pod): void {
    const uid = pod.metadata?.uid ?? '';
    const version = pod.metadata?.resourceVersion ?? '';
    this.versions.set(uid, {
      handedOver: version,
      onDisk: this.versions.get(uid)?.onDisk ?? null
    });
    this.enqueue(async records => {
      const seen = readPod(asJson(pod), pod.metadata?.namespace ?? '');
      if (seen && records.isNewStatus(seen)) await this.options.file.append(seen);
      const now = this.versions.get(uid);
      if (now) this.versions.set(uid, { ...now, onDisk: version });
    });
  }

  /** Every Event seen about a pod. */
  event(event: CoreV1Event): void {
    this.enqueue(async records => {
      const seen = readPodEvent(asJson(event), event.metadata?.namespace ?? '');
      if (seen && records.isNewEvent(seen)) await this.options.file.append(seen);
    });
  }

  /** What nodes have free while a pod waits for one, as often as it is observed. */
  capacity(capacity: CapacityObservation): void {
    this.enqueue(async records => {
      if (records.isNewCapacity(capacity)) await this.options.file.append(capacity);
    });
  }

  /** Whether everything that was handed over of this pod is on the disk, so that the pod may be deleted. */
  isRecorded(uid: string): boolean {
    const known = this.versions.get(uid);
    return known !== undefined && known.onDisk === known.handedOver;
  }

  /** Resolves when everything that was handed over so far is on record. */
  async idle(): Promise<void> {
    await this.queue;
  }

  /** The cluster is forgotten: what cannot be written is not tried again. */
  stop(): void {
    this.isStopped = true;
  }

  private enqueue(act: (records: PodRecords) => Promise<void>): void {
    const { log, cluster, file, signal } = this.options;
    this.queue = this.queue.then(async () => {
      for (let failures = 1; !signal.aborted && !this.isStopped; failures += 1) {
        try {
          return await act(await this.records);
        } catch (error) {
          log.error(
            { err: error, cluster },
            'Evidence of a pod cannot be written; it is tried again, and its pod is kept meanwhile.'
          );
          // What was not written is not known.
          this.records = recordsOf(file);
          const ms = backOff(failures, Math.random());
          await sleep(ms, undefined, { signal }).catch(() => undefined);
        }
      }
    });
  }
}

function recordsOf(file: EvidenceRecord): Promise<PodRecords> {
  const reading = file.read().then(known => {
    const records = new PodRecords();
    for (const observation of known) records.known(observation);
    return records;
  });
  // Whoever waits for it gets its failure.
  reading.catch(() => undefined);
  return reading;
}

/** The generated client has Dates where the API's JSON, and so our reader, has texts. */
function asJson(object: KubernetesObject): Record<string, unknown> {
  return JSON.parse(JSON.stringify(object)) as Record<string, unknown>;
}
