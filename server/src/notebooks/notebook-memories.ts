import type { PodObservation } from '@aglais/diagnosis';
import type { NotebookMemory, NotebookReading } from '@aglais/protocol';

export interface KilledPod {
  /** ms since the epoch. */
  at: number;
  pod: PodObservation;
}

/** Memory of the pods in which Jupyter Servers run. Whose it is follows from a token alone, which only that pod has. */
export interface NotebookMemories {
  /** @throws ProblemError if the token proves nothing, or the pod is none of the notebooks */
  of(token: string): Promise<NotebookMemory>;
  /** What the pod's own Jupyter Server reads in it. @throws ProblemError as `of` */
  note(token: string, reading: NotebookReading): Promise<void>;
  /** When the pod's container was killed for memory, with all kernels in it; null if not lately, or if it cannot be seen. */
  killedLately(token: string): Promise<KilledPod | null>;
  /**
   * Raises the limit, and returns when it is in force. Nothing is restarted. The limit that is in force takes back what was
   * asked for and is not.
   * @throws ProblemError as `of`; if it is too much, or the node has no capacity; or if it is not in force in time
   */
  raise(token: string, memoryMiB: number): Promise<NotebookMemory>;
}
