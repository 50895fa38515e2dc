import { VDomModel } from '@jupyterlab/ui-components';
import { Throttler } from '@lumino/polling';
import type { Cluster, NotebookMemory, PlacedFinding } from '@aglais/protocol';
import { clusterOf, presentFindings, type NotebookPlace } from '../backend/select';
import type { CurrentNotebook } from '../notebook/current';
import type { Connection, IBackend } from '../tokens';

/** Figures may come a hundred times a second; eyes do not need them more often than this (ms). */
const LIMIT = 50;

/** What the panel shows: the current notebook, its cluster and its findings. */
export class PanelModel extends VDomModel {
  constructor(
    readonly backend: IBackend,
    readonly current: CurrentNotebook
  ) {
    super();
    backend.changed.connect(this._changed, this);
    current.changed.connect(this._changed, this);
  }

  get connection(): Connection {
    return this.backend.connection;
  }

  get place(): NotebookPlace | null {
    return this.current.place;
  }

  get cluster(): Cluster | null {
    return this.place && clusterOf(this.backend.state, this.place.kernel);
  }

  /** Of the pod in which this Jupyter runs; null where there is none. */
  get notebookMemory(): NotebookMemory | null {
    return this.backend.notebookMemory;
  }

  /** Findings of the notebook that matter now, newest first. */
  get findings(): PlacedFinding[] {
    return this.place ? presentFindings(this.backend.state, this.place) : [];
  }

  override dispose(): void {
    this._throttler.dispose();
    super.dispose();
  }

  private _changed(): void {
    void this._throttler.invoke();
  }

  private readonly _throttler = new Throttler(() => this.stateChanged.emit(), {
    limit: LIMIT,
    edge: 'trailing'
  });
}
