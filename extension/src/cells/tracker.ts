import { type Cell, CodeCell } from '@jupyterlab/cells';
import { NotebookActions, type Notebook, type NotebookPanel } from '@jupyterlab/notebook';
import type { IDisposable } from '@lumino/disposable';
import { Throttler } from '@lumino/polling';
import { Signal } from '@lumino/signaling';
import type { PanelLayout } from '@lumino/widgets';
import { clusterOf, notesByCell, stillTrue, type CellNotes } from '../backend/select';
import { placeOf } from '../notebook/current';
import type { IBackend } from '../tokens';
import { CellNotesWidget, type NotesActions } from './notes';

/** Figures may come a hundred times a second; eyes do not need them more often than this (ms). */
const LIMIT = 50;

export interface TrackerOptions {
  readonly panel: NotebookPanel;
  readonly backend: IBackend;
  readonly createNotes: (actions: NotesActions) => CellNotesWidget;
  readonly actions: NotesActions;
}

/** Keeps what is under the cells of one notebook as the state says. */
export class CellNotesTracker implements IDisposable {
  constructor(options: TrackerOptions) {
    this._options = options;
    const { panel, backend } = options;
    backend.changed.connect(this._refreshSoon, this);
    panel.sessionContext.kernelChanged.connect(this._refreshSoon, this);
    panel.context.pathChanged.connect(this._refreshSoon, this);
    // Cells that are moved, or come with another content, are new widgets.
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

  /** The notes of before belong to the past from the moment on in which their cell is run again. */
  private _onExecutionScheduled(_: unknown, args: { notebook: Notebook; cell: Cell }): void {
    if (args.notebook !== this._options.panel.content) return;
    const { id } = args.cell.model;
    const notes = this._notes.get(id);
    // A run that goes on is still of interest while the next one waits for it.
    if (notes && !notes.running) this._superseded.set(id, notes.key);
    this._refresh();
  }

  private _refreshSoon(): void {
    if (!this._isDisposed) void this._throttler.invoke();
  }

  private _refresh(): void {
    const { panel, backend } = this._options;
    if (this._isDisposed || panel.isDisposed || !panel.content.model) return;
    const place = placeOf(panel);
    const cluster = clusterOf(backend.state, place.kernel);
    const memory = backend.notebookMemory;
    this._notes = notesByCell(backend.state, place);
    for (const cell of panel.content.widgets) {
      if (!(cell instanceof CodeCell)) continue;
      const { id, executionCount } = cell.model;
      const notes = stillTrue(this._notes.get(id), {
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

  /** A cell that was never in view has no layout yet. */
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
    limit: LIMIT,
    edge: 'trailing'
  });
  private _notes: Map<string, CellNotes> = new Map();
  /** By cell id: the key of the notes that a new run made obsolete. */
  private readonly _superseded = new Map<string, string>();
  // Weak: a cell that is removed disposes of its children and is forgotten.
  private readonly _widgets = new WeakMap<CodeCell, CellNotesWidget>();
  private readonly _awaited = new WeakSet<CodeCell>();
  private _isDisposed = false;
}

function hasContent(notes: CellNotes): boolean {
  return notes.findings.length > 0 || (notes.run !== null && notes.run.progress.jobs.total > 0);
}
