import type { ServerConnection } from '@jupyterlab/services';
import type {
  CapacityReport,
  Cluster,
  NotebookMemory,
  ResizeAnswer,
  RestartRequest,
  Shape
} from '@aglais/protocol';
import type { IDisposable } from '@lumino/disposable';
import { Signal, type ISignal } from '@lumino/signaling';
import type { Connection, IBackend } from '../tokens';
import type { Trans } from '../translation';
import { NotebookMemoryPoll } from './notebook-memory-poll';
import { Rest } from './rest';
import { EMPTY_STATE, reduce, withCluster, withFinding, type State } from './state';
import { Stream } from './stream';

/** The live backend: reduces the stream and the responses to requests to one state. */
export class Backend implements IBackend, IDisposable {
  /** @param inPod whether this Jupyter runs in a pod whose memory limit can be raised */
  constructor(settings: ServerConnection.ISettings, trans: Trans, inPod: boolean) {
    this._rest = new Rest(settings, trans);
    this._stream = new Stream({
      address: () => this._rest.streamAddress(this._state.cursor),
      WebSocket: settings.WebSocket,
      onMessage: message => this._set(reduce(this._state, message), this._connection),
      onConnection: connected => this._set(this._state, connected ? 'connected' : 'unreachable')
    });
    if (inPod) {
      this._poll = new NotebookMemoryPoll(
        () => this._rest.notebookMemory(),
        memory => this._setMemory(memory)
      );
    }
  }

  get connection(): Connection {
    return this._connection;
  }

  get state(): State {
    return this._state;
  }

  get notebookMemory(): NotebookMemory | null {
    return this._notebookMemory;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._stream.isDisposed;
  }

  dispose(): void {
    if (this.isDisposed) return;
    this._stream.dispose();
    this._poll?.dispose();
    Signal.clearData(this);
  }

  async startCluster(
    kernel: string,
    notebook: string,
    shape?: Shape,
    options?: readonly string[]
  ): Promise<Cluster> {
    const request = { kernel, notebook, ...optional(shape, options) };
    return this._applyResponse(await this._rest.startCluster(request));
  }

  async stopCluster(id: string): Promise<void> {
    this._applyResponse(await this._rest.stopCluster(id));
  }

  async restartCluster(id: string, shape?: Shape, options?: readonly string[]): Promise<Cluster> {
    return this._applyResponse(await this._rest.restartCluster(id, optional(shape, options)));
  }

  async resizeCluster(id: string, shape: Shape): Promise<ResizeAnswer> {
    const { lost, ...cluster } = await this._rest.resizeCluster(id, { shape });
    return { ...this._applyResponse(cluster), lost };
  }

  async dismissFinding(cluster: string, id: string): Promise<void> {
    await this._rest.dismissFinding(cluster, id);
    const located = this._state.findings.get(`${cluster} ${id}`);
    if (located)
      this._set(withFinding(this._state, { ...located, dismissed: true }), this._connection);
  }

  async raiseMemoryLimit(memoryMiB: number): Promise<NotebookMemory> {
    try {
      const memory = await this._rest.raiseMemoryLimit({ memoryMiB });
      this._setMemory(memory);
      return memory;
    } catch (error) {
      // The request may be pending now.
      this._poll?.refresh();
      throw error;
    }
  }

  capacity(): Promise<CapacityReport> {
    return this._rest.capacity();
  }

  /** A response may arrive before the stream has the change: show it immediately. */
  private _applyResponse(cluster: Cluster): Cluster {
    this._set(withCluster(this._state, cluster), this._connection);
    return cluster;
  }

  private _set(state: State, connection: Connection): void {
    if (state === this._state && connection === this._connection) return;
    this._state = state;
    this._connection = connection;
    this._changed.emit();
  }

  private _setMemory(memory: NotebookMemory | null): void {
    if (JSON.stringify(memory) === JSON.stringify(this._notebookMemory)) return;
    this._notebookMemory = memory;
    this._changed.emit();
  }

  private readonly _rest: Rest;
  private _state: State = EMPTY_STATE;
  private _connection: Connection = 'connecting';
  private readonly _changed = new Signal<this, void>(this);
  private readonly _stream: Stream;
  private _notebookMemory: NotebookMemory | null = null;
  private readonly _poll: NotebookMemoryPoll | null = null;
}

/** What is left out stays as the kernel had it. */
function optional(shape?: Shape, options?: readonly string[]): RestartRequest {
  return { ...(shape && { shape }), ...(options && { options: [...options] }) };
}

/** The backend of a Jupyter that was started without one. */
export class NoBackend implements IBackend {
  readonly connection = 'off';
  readonly state = EMPTY_STATE;
  readonly notebookMemory = null;
  readonly changed = new Signal<this, void>(this);

  startCluster = refuse;
  stopCluster = refuse;
  restartCluster = refuse;
  resizeCluster = refuse;
  dismissFinding = refuse;
  raiseMemoryLimit = refuse;
  capacity = refuse;
}

function refuse(): Promise<never> {
  return Promise.reject(new Error('This Jupyter server was started without Aglais.'));
}
