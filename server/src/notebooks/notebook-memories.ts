import type { PodObservation } from '@aglais/diagnosis';
import type { NotebookMemory, NotebookReading } from '@aglais/protocol';

export interface KilledPod {
  /** ms since the epoch. */
  at: number;
  pod: PodObservation;
}

/** Memory of the pods in which Jupyter Servers run. A token, which only that pod has, identifies the pod. */
export interface NotebookMemories {
  /** @throws ProblemError if the token is not valid, or the pod is none of the notebooks */
  of(token: string): Promise<NotebookMemory>;
  /** What the pod's own Jupyter Server measures. @throws ProblemError as `of` */
  note(token: string, reading: NotebookReading): Promise<void>;
  /** When the pod's container was killed for memory, with all kernels in it; null if not lately, or if it cannot be read. */
  killedLately(token: string): Promise<KilledPod | null>;
  /**
   * Raises the limit, and returns when it is in force. Nothing is restarted. To ask for the limit that is in force cancels a
   * pending change.
   * @throws ProblemError as `of`; if it is too much, or the node has no capacity; or if it is not in force in time
   */
  raise(token: string, memoryMiB: number): Promise<NotebookMemory>;
}
