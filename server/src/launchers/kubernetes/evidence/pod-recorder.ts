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
  /** Aborted when the server shuts down. */
  signal: AbortSignal;
}

/**
 * Records what is observed of one cluster's pods: statuses, Events, and free capacity of nodes. One at a time, in
 * order, each retried until it is on disk.
 */
export class PodRecorder {
  /** By UID of a pod: the latest version that was passed on, and the latest that is on disk. */
  private readonly versions = new Map<string, { handedOver: string; onDisk: string | null }>();
  /** Knows the existing records once this is resolved. */
  private records: Promise<PodRecords>;
  private queue: Promise<void> = Promise.resolve();
  private isStopped = false;

  constructor(private readonly options: PodRecorderOptions) {
    this.records = recordsOf(options.file);
  }

  /** A status of a pod; it is recorded if it matters. */
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

  /** An Event about a pod. */
  event(event: CoreV1Event): void {
    this.enqueue(async records => {
      const seen = readPodEvent(asJson(event), event.metadata?.namespace ?? '');
      if (seen && records.isNewEvent(seen)) await this.options.file.append(seen);
    });
  }

  /** Free capacity of the nodes while a pod is pending, as often as it is observed. */
  capacity(capacity: CapacityObservation): void {
    this.enqueue(async records => {
      if (records.isNewCapacity(capacity)) await this.options.file.append(capacity);
    });
  }

  /** Whether everything that was passed on about this pod is on disk, so that the pod may be deleted. */
  isRecorded(uid: string): boolean {
    const known = this.versions.get(uid);
    return known !== undefined && known.onDisk === known.handedOver;
  }

  /** Resolves when everything that was passed on so far is recorded. */
  async idle(): Promise<void> {
    await this.queue;
  }

  /** The cluster is deleted: failed writes are not retried. */
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
          // What was not written counts as unknown.
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
  // The caller that waits for it gets the error.
  reading.catch(() => undefined);
  return reading;
}

/** The generated client has Dates where the API's JSON, and therefore our reader, has strings. */
function asJson(object: KubernetesObject): Record<string, unknown> {
  return JSON.parse(JSON.stringify(object)) as Record<string, unknown>;
}
