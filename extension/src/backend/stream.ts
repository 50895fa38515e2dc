import type { StreamMessage } from '@aglais/protocol';
import type { IDisposable } from '@lumino/disposable';
import { backoff } from './backoff';

/** An open connection without a first message is closed after this time, ms. */
const FIRST_MESSAGE_TIMEOUT_MS = 10_000;

export interface StreamOptions {
  /** The URL to open, with the cursor to resume from, if there is one. */
  readonly address: () => string;
  readonly WebSocket: typeof WebSocket;
  readonly onMessage: (message: StreamMessage) => void;
  /** Called with true at the first message of a connection, with false when an attempt failed. */
  readonly onConnection: (connected: boolean) => void;
}

/**
 * The one WebSocket to the backend. Reconnects until it is disposed.
 *
 * The proxy in the Jupyter server accepts a connection before the backend does: only a message proves that
 * the backend is connected.
 */
export class Stream implements IDisposable {
  constructor(options: StreamOptions) {
    this._options = options;
    globalThis.addEventListener?.('online', this._reconnectNow);
    this._open();
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (this._isDisposed) return;
    this._isDisposed = true;
    globalThis.removeEventListener?.('online', this._reconnectNow);
    clearTimeout(this._timer);
    this._close();
  }

  private _open(): void {
    const socket = new this._options.WebSocket(this._options.address());
    this._socket = socket;
    this._timer = setTimeout(() => this._failed(), FIRST_MESSAGE_TIMEOUT_MS);
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

  /** The network is back: reconnect without waiting for the timer. */
  private readonly _reconnectNow = (): void => {
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
    console.warn('aglais: ignoring a message of the backend that is not valid JSON.');
    return null;
  }
}
