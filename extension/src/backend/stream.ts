import type { StreamMessage } from '@aglais/protocol';
import type { IDisposable } from '@lumino/disposable';
import { backoff } from './backoff';

/** A connection that was opened and says nothing for so long is given up (ms). */
const FIRST_MESSAGE_WITHIN = 10_000;

export interface StreamOptions {
  /** The address to open, with the cursor to go on from (null: from the start). */
  readonly address: () => string;
  readonly WebSocket: typeof WebSocket;
  readonly onMessage: (message: StreamMessage) => void;
  /** Called with true at the first message of a connection, with false when an attempt failed. */
  readonly onConnection: (connected: boolean) => void;
}

/**
 * The one WebSocket to the backend. Opens it again for as long as it is not disposed.
 *
 * The proxy in the Jupyter server accepts before the backend does: only a message proves that there
 * is a connection.
 */
export class Stream implements IDisposable {
  constructor(options: StreamOptions) {
    this._options = options;
    globalThis.addEventListener?.('online', this._now);
    this._open();
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (this._isDisposed) return;
    this._isDisposed = true;
    globalThis.removeEventListener?.('online', this._now);
    clearTimeout(this._timer);
    this._close();
  }

  private _open(): void {
    const socket = new this._options.WebSocket(this._options.address());
    this._socket = socket;
    this._timer = setTimeout(() => this._failed(), FIRST_MESSAGE_WITHIN);
    socket.onmessage = event => {
      clearTimeout(this._timer);
      this._failures = 0;
      const message = parse(event.data);
      if (message) this._options.onMessage(message);
      this._options.onConnection(true);
    };
    socket.onclose = () => this._failed();
  }

  private _failed(): void {
    this._close();
    this._failures += 1;
    this._options.onConnection(false);
    clearTimeout(this._timer);
    this._timer = setTimeout(() => this._open(), backoff(this._failures, Math.random()));
  }

  private _close(): void {
    const socket = this._socket;
    this._socket = null;
    if (!socket) return;
    socket.onmessage = socket.onclose = null;
    socket.close();
  }

  /** The network is back: do not sit out a long wait. */
  private readonly _now = (): void => {
    if (this._socket) return;
    clearTimeout(this._timer);
    this._open();
  };

  private readonly _options: StreamOptions;
  private _socket: WebSocket | null = null;
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _failures = 0;
  private _isDisposed = false;
}

function parse(data: unknown): StreamMessage | null {
  try {
    return JSON.parse(String(data)) as StreamMessage;
  } catch {
    console.warn('aglais: a message of the backend could not be read and is left out.');
    return null;
  }
}
