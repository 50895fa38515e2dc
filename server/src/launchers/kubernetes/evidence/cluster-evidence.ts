import type { Observation, CapacityObservation } from '@aglais/diagnosis';
import type { CoreV1Event, V1Pod } from '@kubernetes/client-node';
import type { EvidenceSink } from '../../launcher.js';
import type { DriverReady } from './ready-file.js';
import type { Witness } from './witness-client.js';

/** What the launcher asks of the evidence of its clusters; it hands over the pods and Events that it sees. */
export interface ClusterEvidence {
  /** Every status seen of a pod; it is put on record when it decides something. */
  pod(cluster: string, pod: V1Pod): void;
  event(cluster: string, event: CoreV1Event): void;
  /** What nodes have free while a pod waits for one; it is put on record when it differs. */
  capacity(cluster: string, capacity: CapacityObservation): void;
  /** Whether the last status of a pod is on disk, so that the pod may be deleted. */
  podRecorded(cluster: string, uid: string): boolean;
  /** Copies what the driver writes until `ended`, from where it stopped. Idempotent. */
  mirror(cluster: string, witness: Witness): void;
  /** What the driver wrote when it became ready; null before. */
  ready(cluster: string): Promise<DriverReady | null>;
  /** Fetches the last bytes, within a bounded time, and stops mirroring. */
  ended(cluster: string): Promise<void>;
  /** Resolves when those who follow have taken what was seen so far, within a bounded time. */
  flush(cluster: string): Promise<void>;
  /** Resolves when what is on record is in the cluster's directory. */
  copied(id: string): Promise<void>;
  /** Another server has seen the cluster to its end. */
  abandon(cluster: string): Promise<void>;
  follow(id: string, sink: EvidenceSink, signal: AbortSignal): Promise<void>;
  record(id: string, observation: Observation): Promise<void>;
  forget(id: string): Promise<void>;
  /** Stops mirroring; a later server goes on. */
  close(): Promise<void>;
}
