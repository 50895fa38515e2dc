import type { PodObservation } from '@aglais/diagnosis';
import type { NotebookMemory, NotebookReading } from '@aglais/protocol';

export interface KilledPod {
  /** ms since the epoch. */
  at: number;
  pod: PodObservation;
}

/** Memory of the pods of Jupyter Servers. A token that only that pod has identifies the pod. */
export interface NotebookMemories {
  /** @throws ProblemError if the token is not valid, or the pod is not a notebook pod */
  of(token: string): Promise<NotebookMemory>;
  /** The measurements of the pod's own Jupyter Server. @throws ProblemError as `of` */
  note(token: string, reading: NotebookReading): Promise<void>;
  /** When the pod's container was OOM-killed, with all its kernels; null if not recently, or if unknown. */
  killedLately(token: string): Promise<KilledPod | null>;
  /**
   * Raises the limit, and resolves when it is in effect. Nothing is restarted. Requesting the current limit cancels a
   * pending change.
   * @throws ProblemError as `of`; if the limit is too high, or the node has no capacity; or if it is not in effect in
   * time
   */
  raise(token: string, memoryMiB: number): Promise<NotebookMemory>;
}
