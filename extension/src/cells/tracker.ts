import { type Cell, CodeCell } from '@jupyterlab/cells';
import { NotebookActions, type Notebook, type NotebookPanel } from '@jupyterlab/notebook';
import type { IDisposable } from '@lumino/disposable';
import { Throttler } from '@lumino/polling';
import { Signal } from '@lumino/signaling';
import type { PanelLayout } from '@lumino/widgets';
import { clusterOf, notesByCell, currentNotes, type CellNotes } from '../backend/selectors';
import { locationOf } from '../notebook/current-notebook';
import type { IBackend } from '../tokens';
import { CellNotesWidget, type NotesActions } from './notes';

/** Metrics may change a hundred times a second; rendering is limited to this interval, ms. */
const RENDER_INTERVAL_MS = 50;

export interface TrackerOptions {
  readonly panel: NotebookPanel;
  readonly backend: IBackend;
  readonly createNotes: (actions: NotesActions) => CellNotesWidget;
  readonly actions: NotesActions;
}

/** Keeps the notes under the cells of one notebook in sync with the state. */
export class CellNotesTracker implements IDisposable {
  constructor(options: TrackerOptions) {
    this._options = options;
    const { panel, backend } = options;
    backend.changed.connect(this._refreshSoon, this);
    panel.sessionContext.kernelChanged.connect(this._refreshSoon, this);
    panel.context.pathChanged.connect(this._refreshSoon, this);
    // Moved cells, and cells of new content, are new widgets.
    panel.content.modelChanged.connect(this._refreshSoon, this);
    panel.content.modelContentChanged.connect(this._refreshSoon, this);
    NotebookActions.executionScheduled.connect(this._onExecutionScheduled, this);
    this._refreshSoon();
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (this._isDisposed) return;
    this._isDisposed = true;
    this._throttler.dispose();
    Signal.clearData(this);
  }

  /** Notes are outdated as soon as their cell is run again. */
  private _onExecutionScheduled(_: unknown, args: { notebook: Notebook; cell: Cell }): void {
    if (args.notebook !== this._options.panel.content) return;
    const { id } = args.cell.model;
    const notes = this._notes.get(id);
    // A run in progress stays visible while the next one is queued.
    if (notes && !notes.running) this._superseded.set(id, notes.key);
    this._refresh();
  }

  private _refreshSoon(): void {
    if (!this._isDisposed) void this._throttler.invoke();
  }

  private _refresh(): void {
    const { panel, backend } = this._options;
    if (this._isDisposed || panel.isDisposed || !panel.content.model) return;
    const place = locationOf(panel);
    const cluster = clusterOf(backend.state, place.kernel);
    const memory = backend.notebookMemory;
    this._notes = notesByCell(backend.state, place);
    for (const cell of panel.content.widgets) {
      if (!(cell instanceof CodeCell)) continue;
      const { id, executionCount } = cell.model;
      const notes = currentNotes(this._notes.get(id), {
        kernel: place.kernel,
        executionCount,
        superseded: this._superseded.get(id) ?? null
      });
      const widget = this._widgets.get(cell);
      if (notes && hasContent(notes)) {
        if (widget) widget.setNotes(notes, cluster, memory);
        else if (cell.isPlaceholder()) this._whenReady(cell);
        else this._attach(cell).setNotes(notes, cluster, memory);
      } else if (widget) {
        widget.dispose();
        this._widgets.delete(cell);
      }
    }
  }

  /** A cell that has never been in view has no layout yet. */
  private _whenReady(cell: CodeCell): void {
    if (this._awaited.has(cell)) return;
    this._awaited.add(cell);
    void cell.ready.then(() => this._refreshSoon());
  }

  /** Puts a widget between a cell's outputs and its footer. */
  private _attach(cell: CodeCell): CellNotesWidget {
    const widget = this._options.createNotes(this._options.actions);
    const layout = cell.layout as PanelLayout;
    layout.insertWidget(layout.widgets.length - 1, widget);
    this._widgets.set(cell, widget);
    return widget;
  }

  private readonly _options: TrackerOptions;
  private readonly _throttler = new Throttler(() => this._refresh(), {
    limit: RENDER_INTERVAL_MS,
    edge: 'trailing'
  });
  private _notes: Map<string, CellNotes> = new Map();
  /** By cell id: the key of the notes that a new run made outdated. */
  private readonly _superseded = new Map<string, string>();
  // Weak: a removed cell disposes of its children.
  private readonly _widgets = new WeakMap<CodeCell, CellNotesWidget>();
  private readonly _awaited = new WeakSet<CodeCell>();
  private _isDisposed = false;
}

function hasContent(notes: CellNotes): boolean {
  return notes.findings.length > 0 || (notes.run !== null && notes.run.progress.jobs.total > 0);
}
