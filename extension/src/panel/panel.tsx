import { VDomRenderer } from '@jupyterlab/ui-components';
import * as React from 'react';
import { executionCount } from '@aglais/protocol/cell-tag';
import type { LocatedFinding, Shape } from '@aglais/protocol';
import { isLive } from '../backend/selectors';
import { findingKey } from '../backend/state';
import { Button } from '../button';
import { OptionCheckboxes } from '../clusters/options';
import { allowedActions } from '../clusters/messages';
import { Card } from '../findings/card';
import { NotebookMemorySection } from '../notebook-memory/section';
import { sparkIcon } from '../icon';
import type { Trans } from '../translation';
import { ClusterDetails, ClusterState, Section } from './cluster';
import type { PanelModel } from './model';

/** The actions of the panel, for the current notebook. */
export interface PanelActions {
  /** @param options the chosen options; undefined if none are on offer */
  readonly start: (options: readonly string[] | undefined) => void;
  readonly stop: () => void;
  readonly restart: () => void;
  readonly resize: (shape: Partial<Shape>) => void;
  /** @param memoryMiB the new limit; undefined: ask the user */
  readonly raiseMemoryLimit: (memoryMiB?: number) => void;
  readonly dismiss: (located: LocatedFinding) => void;
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
    this.title.caption = _trans.__('Spark cluster of this notebook');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', _trans.__('Spark cluster of this notebook'));
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
              'Notebooks and kernels keep running. This panel shows the last known state ' +
                'and reconnects automatically.'
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
          hint={trans.__('Open one: each notebook gets its own Spark cluster.')}
        />
      );
    }
    if (place.kernel === null) {
      return (
        <>
          <Empty
            title={trans.__('This notebook has no kernel.')}
            hint={trans.__('A Spark cluster belongs to a kernel. Run a cell to start the kernel.')}
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
            title={trans.__('This notebook has no Spark cluster yet.')}
            hint={trans.__('It starts automatically at the first use of `spark`.')}
          />
        )}
        {allowedActions(cluster).start && (
          <OptionCheckboxes
            legend={trans.__('Start with')}
            note={trans.__('If a cell starts Spark, it uses the options of the last cluster.')}
            offered={this.model.offered}
            chosen={this.model.chosen}
            onChange={options => this.model.choose(options)}
          />
        )}
        {this._buttons()}
        {this.model.capacityProblems.length > 0 && (
          <Section title={trans.__('Available memory is uncertain')} className="aglais-Warnings">
            <ul>
              {this.model.capacityProblems.map(problem => (
                <li key={problem}>{problem}</li>
              ))}
            </ul>
          </Section>
        )}
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
    const can = allowedActions(cluster);
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
        onRaise={() => this._actions.raiseMemoryLimit()}
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
        {findings.map(located => {
          const key = findingKey(located);
          const { cell } = located.finding.subject;
          return cell === undefined ? (
            <Card
              key={key}
              located={located}
              cluster={cluster}
              notebookMemory={notebookMemory}
              open={this._expanded.has(key)}
              onToggle={() => this._toggle(key)}
              onResize={this._actions.resize}
              onRaiseMemoryLimit={memoryMiB => this._actions.raiseMemoryLimit(memoryMiB)}
              onDismiss={() => this._actions.dismiss(located)}
              trans={trans}
            />
          ) : (
            <button
              key={key}
              className="aglais-FindingLink"
              data-code={located.finding.code}
              data-severity={located.finding.severity}
              data-cell={cell}
              title={trans.__('Go to the cell')}
              onClick={() => this._actions.showCell(cell)}
            >
              {located.finding.subject.run !== undefined && (
                <span className="aglais-FindingLink-run">
                  [{executionCount(located.finding.subject.run)}]
                </span>
              )}{' '}
              {located.finding.title}
            </button>
          );
        })}
      </Section>
    );
  }

  private _toggle(key: string): void {
    if (!this._expanded.delete(key)) this._expanded.add(key);
    this.update();
  }

  private readonly _expanded = new Set<string>();
}

function Empty(props: { title: string; hint: string }): React.JSX.Element {
  return (
    <div className="aglais-Empty">
      <p className="aglais-Empty-title">{props.title}</p>
      {props.hint && <p>{props.hint}</p>}
    </div>
  );
}
