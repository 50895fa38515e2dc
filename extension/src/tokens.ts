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
 * The connection of this page to the backend.
 * - `off`: Jupyter was started without a backend; the extension does nothing.
 * - `connecting`: no message yet.
 * - `connected`: the state is live.
 * - `unreachable`: the state is the last known one.
 */
export type Connection = 'off' | 'connecting' | 'connected' | 'unreachable';

/**
 * The backend as this page sees it. Everything is rendered from `state`, so that it looks the same after a
 * reload, in a second tab and after a reconnect.
 */
export interface IBackend {
  readonly connection: Connection;
  readonly state: State;
  /** Memory of the pod in which this Jupyter runs; null if it is not in a managed pod, or not known yet. */
  readonly notebookMemory: NotebookMemory | null;
  /** Emitted when `connection`, `state` or `notebookMemory` changed. */
  readonly changed: ISignal<IBackend, void>;

  /** Start the cluster of a kernel, or return the live one. Throws ProblemError. */
  startCluster(
    kernel: string,
    notebook: string,
    shape?: Shape,
    options?: readonly string[]
  ): Promise<Cluster>;
  /** Stop a cluster; its kernel keeps running. Throws ProblemError. */
  stopCluster(id: string): Promise<void>;
  /** Replace a cluster by a new one, optionally with another shape or options. Throws ProblemError. */
  restartCluster(id: string, shape?: Shape, options?: readonly string[]): Promise<Cluster>;
  /** Resize a running cluster in place, without a restart. Throws ProblemError. */
  resizeCluster(id: string, shape: Shape): Promise<ResizeAnswer>;
  /** Hide a finding in all tabs. Throws ProblemError. */
  dismissFinding(cluster: string, id: string): Promise<void>;
  /** Raise the memory limit of this Jupyter's pod in place, MiB. Throws ProblemError. */
  raiseMemoryLimit(memoryMiB: number): Promise<NotebookMemory>;
  /** The memory for clusters: total and allocated, and the options on offer. Throws ProblemError. */
  capacity(): Promise<CapacityReport>;
}

export const IBackend = new Token<IBackend>(
  '@aglais/jupyterlab:IBackend',
  'The Aglais backend: the live state of clusters, cell runs and findings, and the requests to change it.'
);
