import type { Observation, CapacityObservation } from '@aglais/diagnosis';
import type { CoreV1Event, V1Pod } from '@kubernetes/client-node';
import type { EvidenceSink } from '../../launcher.js';
import type { DriverReady } from './ready-file.js';
import type { Witness } from './witness-client.js';

/** The evidence of clusters as the launcher uses it; the launcher passes on pods and Events. */
export interface ClusterEvidence {
  /** A status of a pod; it is recorded if it matters. */
  pod(cluster: string, pod: V1Pod): void;
  event(cluster: string, event: CoreV1Event): void;
  /** Free capacity of the nodes while a pod is pending; it is recorded if it has changed. */
  capacity(cluster: string, capacity: CapacityObservation): void;
  /** Whether the last status of a pod is on disk, so that the pod may be deleted. */
  podRecorded(cluster: string, uid: string): boolean;
  /** Copies what the driver writes until `ended`; resumes where it stopped. Idempotent. */
  mirror(cluster: string, witness: Witness): void;
  /** What the driver wrote when it became ready; null before. */
  ready(cluster: string): Promise<DriverReady | null>;
  /** Fetches the last bytes, within a bounded time, and stops mirroring. */
  ended(cluster: string): Promise<void>;
  /** Resolves when all readers have processed what was seen so far, within a bounded time. */
  flush(cluster: string): Promise<void>;
  /** Resolves when the recorded observations are in the cluster's directory. */
  copied(id: string): Promise<void>;
  /** Another server has completed the end of the cluster. */
  abandon(cluster: string): Promise<void>;
  follow(id: string, sink: EvidenceSink, signal: AbortSignal): Promise<void>;
  record(id: string, observation: Observation): Promise<void>;
  forget(id: string): Promise<void>;
  /** Stops mirroring; the next server resumes. */
  close(): Promise<void>;
}
