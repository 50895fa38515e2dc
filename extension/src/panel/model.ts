import { VDomModel } from '@jupyterlab/ui-components';
import { Throttler } from '@lumino/polling';
import type { Cluster, ClusterOption, NotebookMemory, LocatedFinding } from '@aglais/protocol';
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

  /** What can be asked for beyond a size. */
  get offered(): readonly ClusterOption[] {
    return this._offered;
  }

  /** What the next cluster of the notebook shall have: what was ticked, else what the last one had. */
  get chosen(): readonly string[] {
    const { cluster, _chosen: chosen } = this;
    return chosen?.next === this._next ? chosen.options : (cluster?.options ?? []);
  }

  choose(options: readonly string[]): void {
    this._chosen = { next: this._next, options };
    this.stateChanged.emit();
  }

  /** Names the cluster that is not there yet: what was ticked is for that one alone. */
  private get _next(): string {
    return `${this.place?.kernel} ${this.cluster?.id}`;
  }

  /** Findings of the notebook that matter now, newest first. */
  get findings(): LocatedFinding[] {
    return this.place ? presentFindings(this.backend.state, this.place) : [];
  }

  override dispose(): void {
    this._throttler.dispose();
    super.dispose();
  }

  private _changed(): void {
    const { connection } = this;
    if (connection === 'connected' && !this._asked) void this._askOffered();
    // A server that was away may offer something else.
    if (connection === 'unreachable') this._asked = false;
    void this._throttler.invoke();
  }

  private async _askOffered(): Promise<void> {
    this._asked = true;
    try {
      this._offered = (await this.backend.capacity()).options;
      this.stateChanged.emit();
    } catch {
      // Nothing can be chosen then; everything else works.
      this._asked = false;
    }
  }

  private _asked = false;
  private _offered: readonly ClusterOption[] = [];
  private _chosen: { next: string; options: readonly string[] } | null = null;

  private readonly _throttler = new Throttler(() => this.stateChanged.emit(), {
    limit: LIMIT,
    edge: 'trailing'
  });
}
