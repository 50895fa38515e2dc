import { VDomModel } from '@jupyterlab/ui-components';
import { Throttler } from '@lumino/polling';
import type { Cluster, ClusterOption, NotebookMemory, LocatedFinding } from '@aglais/protocol';
import { clusterOf, currentFindings, type NotebookLocation } from '../backend/selectors';
import type { CurrentNotebook } from '../notebook/current-notebook';
import type { Connection, IBackend } from '../tokens';

/** Metrics may change a hundred times a second; rendering is limited to this interval, ms. */
const RENDER_INTERVAL_MS = 50;

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

  get place(): NotebookLocation | null {
    return this.current.place;
  }

  get cluster(): Cluster | null {
    return this.place && clusterOf(this.backend.state, this.place.kernel);
  }

  /** Of the pod in which this Jupyter runs; null where there is none. */
  get notebookMemory(): NotebookMemory | null {
    return this.backend.notebookMemory;
  }

  /** The options on offer. */
  get offered(): readonly ClusterOption[] {
    return this._offered;
  }

  /** What the server cannot find out about the capacity, and what would help. */
  get capacityProblems(): readonly string[] {
    return this._capacityProblems;
  }

  /** The options for the next cluster: the chosen ones, otherwise those of the last cluster. */
  get chosen(): readonly string[] {
    const { cluster, _chosen: chosen } = this;
    return chosen?.next === this._next ? chosen.options : (cluster?.options ?? []);
  }

  choose(options: readonly string[]): void {
    this._chosen = { next: this._next, options };
    this.stateChanged.emit();
  }

  /** Identifies the next cluster: a choice applies to one cluster only. */
  private get _next(): string {
    return `${this.place?.kernel} ${this.cluster?.id}`;
  }

  /** The current findings of the notebook, newest first. */
  get findings(): LocatedFinding[] {
    return this.place ? currentFindings(this.backend.state, this.place) : [];
  }

  override dispose(): void {
    this._throttler.dispose();
    super.dispose();
  }

  private _changed(): void {
    const { connection } = this;
    if (connection === 'connected' && !this._isLoaded) void this._loadOptions();
    // A restarted server may offer other options.
    if (connection === 'unreachable') this._isLoaded = false;
    void this._throttler.invoke();
  }

  private async _loadOptions(): Promise<void> {
    this._isLoaded = true;
    try {
      const { options, problems } = await this.backend.capacity();
      this._offered = options;
      this._capacityProblems = problems;
      this.stateChanged.emit();
    } catch {
      // Without an answer there are no options to choose; everything else works.
      this._isLoaded = false;
    }
  }

  private _isLoaded = false;
  private _offered: readonly ClusterOption[] = [];
  private _capacityProblems: readonly string[] = [];
  private _chosen: { next: string; options: readonly string[] } | null = null;

  private readonly _throttler = new Throttler(() => this.stateChanged.emit(), {
    limit: RENDER_INTERVAL_MS,
    edge: 'trailing'
  });
}
