import type { Observation, CapacityObservation } from '@aglais/diagnosis';
import type { CoreV1Event, V1Pod } from '@kubernetes/client-node';
import type { EvidenceSink } from '../../launcher.js';
import type { Witness } from './witness-client.js';

/** What the launcher asks of the evidence of its clusters; it hands over the pods and events that it sees. */
export interface ClusterEvidence {
  /** Each status; it is put on record when it decides something. */
  pod(cluster: string, pod: V1Pod): void;
  event(cluster: string, event: CoreV1Event): void;
  /** What nodes have free while a pod waits for one; it is put on record when it differs. */
  capacity(cluster: string, capacity: CapacityObservation): void;
  /** Its last status is on disk: the pod may be deleted. */
  podRecorded(cluster: string, uid: string): boolean;
  /** Idempotent; goes on until `ended`, from where it stopped. */
  mirror(cluster: string, witness: Witness): void;
  /** What the driver said when it became ready. */
  ready(cluster: string): { port: number; problems: string[] } | null;
  /** Fetches the last bytes, within a bounded time, and stops mirroring. */
  ended(cluster: string): Promise<void>;
  /** Those who follow have been told what was seen so far, within a bounded time. */
  told(cluster: string): Promise<void>;
  /** What is on record is in the cluster's directory when this resolves. */
  copied(id: string): Promise<void>;
  /** Another server has seen the cluster to its end. */
  over(cluster: string): Promise<void>;
  follow(id: string, sink: EvidenceSink, signal: AbortSignal): Promise<void>;
  record(id: string, observation: Observation): Promise<void>;
  forget(id: string): Promise<void>;
  /** Stops mirroring; a later server goes on. */
  close(): Promise<void>;
}
