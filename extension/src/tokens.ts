import { Token } from '@lumino/coreutils';
import type { ISignal } from '@lumino/signaling';
import type {
  CapacityReport,
  Cluster,
  NotebookMemory,
  ResizeAnswer,
  Shape
} from '@aglais/protocol';
import type { State } from './backend/state';

/**
 * How this page stands with the backend.
 * - `off`: Jupyter was started without a backend; everything stays quiet.
 * - `connecting`: the first answer is awaited.
 * - `connected`: the state is live.
 * - `unreachable`: the state is the last one known.
 */
export type Connection = 'off' | 'connecting' | 'connected' | 'unreachable';

/**
 * The backend as this page knows it. Everything that is shown is rendered from `state`, so that a
 * reload, a second tab and a reconnect show the same.
 */
export interface IBackend {
  readonly connection: Connection;
  readonly state: State;
  /** Memory of the pod in which this Jupyter runs; null if it is in none that is looked after, or not known yet. */
  readonly notebookMemory: NotebookMemory | null;
  /** Emitted when `connection`, `state` or `notebookMemory` changed. */
  readonly changed: ISignal<IBackend, void>;

  /** Start the cluster of a kernel, or get the one that lives. Throws ProblemError. */
  startCluster(
    kernel: string,
    notebook: string,
    shape?: Shape,
    options?: readonly string[]
  ): Promise<Cluster>;
  /** Stop a cluster; its kernel lives on. Throws ProblemError. */
  stopCluster(id: string): Promise<void>;
  /** Replace a cluster by a new one, of another shape or with other options if given. Throws ProblemError. */
  restartCluster(id: string, shape?: Shape, options?: readonly string[]): Promise<Cluster>;
  /** Give a running cluster another shape without restarting anything. Throws ProblemError. */
  resizeCluster(id: string, shape: Shape): Promise<ResizeAnswer>;
  /** Show a finding no more, in any tab. Throws ProblemError. */
  dismissFinding(cluster: string, id: string): Promise<void>;
  /** Give the pod of this Jupyter more memory without restarting anything. Throws ProblemError. */
  growNotebook(memoryMiB: number): Promise<NotebookMemory>;
  /** What the machine can still hold. Throws ProblemError. */
  capacity(): Promise<CapacityReport>;
}

export const IBackend = new Token<IBackend>(
  '@aglais/jupyterlab:IBackend',
  'The Aglais backend: clusters, cell runs and findings, live, and what can be asked of it.'
);
