import { VDomRenderer } from '@jupyterlab/ui-components';
import * as React from 'react';
import { executionCount } from '@aglais/protocol/cell-tag';
import type { LocatedFinding, Shape } from '@aglais/protocol';
import { isLive } from '../backend/select';
import { findingKey } from '../backend/state';
import { Button } from '../button';
import { OptionChoice } from '../clusters/options';
import { possible } from '../clusters/messages';
import { Card } from '../findings/card';
import { NotebookMemorySection } from '../notebook-memory/section';
import { sparkIcon } from '../icon';
import type { Trans } from '../words';
import { ClusterDetails, ClusterState, Section } from './cluster';
import type { PanelModel } from './model';

/** What the panel can ask for, of the current notebook. */
export interface PanelActions {
  /** @param options those to be had, undefined where nothing can be chosen */
  readonly start: (options: readonly string[] | undefined) => void;
  readonly stop: () => void;
  readonly restart: () => void;
  readonly resize: (shape: Partial<Shape>) => void;
  /** @param memoryMiB asked for if left out */
  readonly growNotebook: (memoryMiB?: number) => void;
  readonly dismiss: (placed: LocatedFinding) => void;
  readonly showCell: (cell: string) => void;
}

/** The side panel: the cluster of the current notebook. */
export class SparkPanel extends VDomRenderer<PanelModel> {
  constructor(
    model: PanelModel,
    private readonly _actions: PanelActions,
    private readonly _trans: Trans
  ) {
    super(model);
    this.id = 'aglais-panel';
    this.addClass('aglais-Panel');
    this.title.icon = sparkIcon;
    this.title.caption = _trans.__('Spark of this notebook');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', _trans.__('Spark of this notebook'));
  }

  protected override render(): React.JSX.Element {
    const { place, connection } = this.model;
    const trans = this._trans;
    return (
      <>
        <header className="aglais-Panel-header">
          <h2>{trans.__('Spark')}</h2>
          {place && (
            <span className="aglais-Panel-notebook" title={place.path}>
              {place.path.split('/').pop()}
            </span>
          )}
        </header>
        {connection === 'unreachable' && (
          <div className="aglais-Unreachable" role="alert">
            <strong>{trans.__('The Aglais server does not answer.')}</strong>{' '}
            {trans.__(
              'Notebooks and kernels go on. What is shown here is the last that was known; ' +
                'this page connects again by itself.'
            )}
          </div>
        )}
        {this._body()}
      </>
    );
  }

  private _body(): React.JSX.Element {
    const { place, cluster, connection } = this.model;
    const trans = this._trans;
    if (!place) {
      return (
        <Empty
          title={trans.__('No notebook is open.')}
          hint={trans.__('Open one: each notebook gets a Spark cluster of its own.')}
        />
      );
    }
    if (place.kernel === null) {
      return (
        <>
          <Empty
            title={trans.__('This notebook has no kernel.')}
            hint={trans.__('Spark belongs to a kernel. Run a cell to start one.')}
          />
          {this._notebookMemory()}
          {this._findings()}
        </>
      );
    }
    if (connection === 'connecting') return <Empty title={trans.__('Connecting…')} hint="" />;
    return (
      <>
        {cluster ? (
          <ClusterState cluster={cluster} trans={trans} />
        ) : (
          <Empty
            title={trans.__('This notebook has no Spark yet.')}
            hint={trans.__('It starts by itself at the first use of `spark`.')}
          />
        )}
        {possible(cluster).start && (
          <OptionChoice
            legend={trans.__('Start with')}
            note={trans.__('A cell that starts Spark by itself takes what the last one had.')}
            offered={this.model.offered}
            chosen={this.model.chosen}
            onChange={options => this.model.choose(options)}
          />
        )}
        {this._buttons()}
        {cluster && isLive(cluster) && (
          <ClusterDetails cluster={cluster} offered={this.model.offered} trans={trans} />
        )}
        {this._notebookMemory()}
        {this._findings()}
      </>
    );
  }

  private _buttons(): React.JSX.Element {
    const { cluster, connection, offered, chosen } = this.model;
    const trans = this._trans;
    const can = possible(cluster);
    const off = connection !== 'connected';
    return (
      <div className="aglais-Panel-buttons">
        {can.start ? (
          <Button
            primary
            data-command="start"
            disabled={off}
            onClick={() => this._actions.start(offered.length > 0 ? chosen : undefined)}
          >
            {cluster ? trans.__('Start again') : trans.__('Start now')}
          </Button>
        ) : (
          <>
            <Button
              data-command="restart"
              disabled={off || !can.restart}
              onClick={this._actions.restart}
            >
              {trans.__('Restart')}
            </Button>
            <Button data-command="stop" disabled={off || !can.stop} onClick={this._actions.stop}>
              {trans.__('Stop')}
            </Button>
          </>
        )}
      </div>
    );
  }

  private _notebookMemory(): React.JSX.Element | null {
    const { notebookMemory, connection } = this.model;
    if (!notebookMemory) return null;
    return (
      <NotebookMemorySection
        memory={notebookMemory}
        disabled={connection !== 'connected'}
        onGrow={() => this._actions.growNotebook()}
        trans={this._trans}
      />
    );
  }

  private _findings(): React.JSX.Element | null {
    const { findings, cluster, notebookMemory } = this.model;
    const trans = this._trans;
    if (findings.length === 0) return null;
    return (
      <Section title={trans.__('Findings')} className="aglais-Findings">
        {findings.map(placed => {
          const key = findingKey(placed);
          const { cell } = placed.finding.subject;
          return cell === undefined ? (
            <Card
              key={key}
              placed={placed}
              cluster={cluster}
              notebookMemory={notebookMemory}
              open={this._unfolded.has(key)}
              onToggle={() => this._toggle(key)}
              onResize={this._actions.resize}
              onGrowNotebook={memoryMiB => this._actions.growNotebook(memoryMiB)}
              onDismiss={() => this._actions.dismiss(placed)}
              trans={trans}
            />
          ) : (
            <button
              key={key}
              className="aglais-FindingLink"
              data-code={placed.finding.code}
              data-severity={placed.finding.severity}
              data-cell={cell}
              title={trans.__('Go to the cell')}
              onClick={() => this._actions.showCell(cell)}
            >
              {placed.finding.subject.run !== undefined && (
                <span className="aglais-FindingLink-run">
                  [{executionCount(placed.finding.subject.run)}]
                </span>
              )}{' '}
              {placed.finding.title}
            </button>
          );
        })}
      </Section>
    );
  }

  private _toggle(key: string): void {
    if (!this._unfolded.delete(key)) this._unfolded.add(key);
    this.update();
  }

  private readonly _unfolded = new Set<string>();
}

function Empty(props: { title: string; hint: string }): React.JSX.Element {
  return (
    <div className="aglais-Empty">
      <p className="aglais-Empty-title">{props.title}</p>
      {props.hint && <p>{props.hint}</p>}
    </div>
  );
}
