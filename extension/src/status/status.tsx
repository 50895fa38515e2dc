import { TextItem } from '@jupyterlab/statusbar';
import { VDomModel, VDomRenderer } from '@jupyterlab/ui-components';
import * as React from 'react';
import { clusterOf } from '../backend/selectors';
import { statusLine } from '../clusters/messages';
import type { CurrentNotebook } from '../notebook/current-notebook';
import type { IBackend } from '../tokens';
import type { Trans } from '../translation';

/** One line about the Spark cluster of the current notebook. */
export class SparkStatus extends VDomRenderer<SparkStatusModel> {
  constructor(
    model: SparkStatusModel,
    private readonly _open: () => void,
    private readonly _trans: Trans
  ) {
    super(model);
    this.addClass('aglais-Status');
  }

  protected override render(): React.JSX.Element | null {
    const { line } = this.model;
    if (line === null) return null;
    return (
      <TextItem
        role="button"
        tabIndex={0}
        source={line}
        title={this._trans.__('Open the Spark panel')}
        onClick={this._open}
        onKeyDown={event => {
          if (event.key === 'Enter' || event.key === ' ') this._open();
        }}
      />
    );
  }
}

/** Renders again only when the line has changed: metrics arrive several times a second. */
export class SparkStatusModel extends VDomModel {
  constructor(
    private readonly _backend: IBackend,
    private readonly _current: CurrentNotebook,
    private readonly _trans: Trans
  ) {
    super();
    _backend.changed.connect(this._update, this);
    _current.changed.connect(this._update, this);
    this._update();
  }

  /** The text; null without a notebook. */
  get line(): string | null {
    return this._line;
  }

  private _update(): void {
    const { place } = this._current;
    const line =
      place === null
        ? null
        : statusLine(
            clusterOf(this._backend.state, place.kernel),
            this._backend.connection,
            this._trans
          );
    if (line === this._line) return;
    this._line = line;
    this.stateChanged.emit();
  }

  private _line: string | null = null;
}
