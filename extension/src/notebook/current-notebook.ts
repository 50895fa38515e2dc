import { PageConfig } from '@jupyterlab/coreutils';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { IDisposable } from '@lumino/disposable';
import { Signal, type ISignal } from '@lumino/signaling';
import type { NotebookLocation } from '../backend/selectors';

/** Where an open notebook is, and the kernel it has now. */
export function locationOf(panel: NotebookPanel): NotebookLocation {
  return {
    path: panel.context.localPath,
    jupyterRoot: PageConfig.getOption('aglaisJupyterRoot') || null,
    kernel: panel.sessionContext.session?.kernel?.id ?? null
  };
}

/** The notebook that the user looks at, with its kernel. */
export class CurrentNotebook implements IDisposable {
  constructor(tracker: INotebookTracker) {
    this._tracker = tracker;
    tracker.currentChanged.connect(this._follow, this);
    this._follow();
  }

  get panel(): NotebookPanel | null {
    return this._panel;
  }

  get place(): NotebookLocation | null {
    return this._panel ? locationOf(this._panel) : null;
  }

  /** Emitted when it is another notebook, or has another kernel or path. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (this._isDisposed) return;
    this._isDisposed = true;
    this._leave();
    Signal.clearData(this);
  }

  private _follow(): void {
    this._leave();
    const panel = this._tracker.currentWidget;
    this._panel = panel;
    if (panel) {
      panel.sessionContext.kernelChanged.connect(this._emit, this);
      panel.context.pathChanged.connect(this._emit, this);
      panel.disposed.connect(this._follow, this);
    }
    this._emit();
  }

  private _leave(): void {
    const panel = this._panel;
    this._panel = null;
    if (!panel) return;
    panel.disposed.disconnect(this._follow, this);
    if (panel.isDisposed) return;
    panel.sessionContext.kernelChanged.disconnect(this._emit, this);
    panel.context.pathChanged.disconnect(this._emit, this);
  }

  private _emit(): void {
    this._changed.emit();
  }

  private readonly _tracker: INotebookTracker;
  private _panel: NotebookPanel | null = null;
  private _isDisposed = false;
  private readonly _changed = new Signal<this, void>(this);
}
