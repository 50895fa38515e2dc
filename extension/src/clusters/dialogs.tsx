import { Dialog, ReactWidget, showDialog } from '@jupyterlab/apputils';
import * as React from 'react';
import type { CapacityReport, Cluster } from '@aglais/protocol';
import { formatMemoryUse } from '../format';
import type { Trans } from '../translation';
import { OptionCheckboxes } from './options';
import type { ShapeChange } from './messages';

/** What is lost and what is kept when a cluster is stopped. */
function LostAndKept({ trans }: { trans: Trans }): React.JSX.Element {
  return (
    <dl className="aglais-LostAndKept">
      <dt>{trans.__('Lost')}</dt>
      <dd>{trans.__('temporary views, cached tables, and running Spark jobs')}</dd>
      <dt>{trans.__('Kept')}</dt>
      <dd>
        {trans.__('all Python variables, the notebook, and all files and tables that were written')}
      </dd>
    </dl>
  );
}

/** Asks for confirmation before the cluster of a notebook is stopped. */
export async function confirmStop(cluster: Cluster, trans: Trans): Promise<boolean> {
  const result = await showDialog({
    title: trans.__('Stop Spark?'),
    body: (
      <div className="aglais-Dialog">
        <p>
          {trans.__(
            'This stops the Spark cluster of %1. A new one starts automatically at the next use of Spark.',
            cluster.notebook
          )}
        </p>
        <LostAndKept trans={trans} />
      </div>
    ),
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.warnButton({ label: trans.__('Stop') })
    ]
  });
  return result.button.accept;
}

/** The size of the new cluster, and its options to choose. */
class RestartBody extends ReactWidget implements Dialog.IBodyWidget<string[]> {
  constructor(
    private readonly _cluster: Cluster,
    private readonly _changes: readonly ShapeChange[],
    private readonly _capacity: CapacityReport | null,
    private readonly _trans: Trans
  ) {
    super();
    this._options = [..._cluster.options];
  }

  getValue(): string[] {
    return this._options;
  }

  protected override render(): React.JSX.Element {
    const { _cluster: cluster, _changes: changes, _capacity: capacity, _trans: trans } = this;
    return (
      <div className="aglais-Dialog">
        <p>
          {changes.length > 0
            ? trans.__('%1 gets a new Spark cluster with:', cluster.notebook)
            : trans.__('%1 gets a new Spark cluster of the same size.', cluster.notebook)}
        </p>
        {changes.length > 0 && (
          <ul>
            {changes.map(change => (
              <li key={change.short}>{change.full}</li>
            ))}
          </ul>
        )}
        <OptionCheckboxes
          offered={capacity?.options ?? []}
          chosen={this._options}
          onChange={options => {
            this._options = options;
            this.update();
          }}
          legend={trans.__('With')}
        />
        <LostAndKept trans={trans} />
        {changes.length > 0 && capacity && (
          <p className="aglais-Dialog-note">
            {trans.__(
              'Memory allocated to all notebooks: %1. The memory of the old cluster is freed first.',
              formatMemoryUse(capacity.grantedMiB, capacity.totalMiB, trans)
            )}
          </p>
        )}
      </div>
    );
  }

  private _options: string[];
}

/**
 * Asks for confirmation before the cluster of a notebook is replaced.
 *
 * @param changes differences of the new cluster, empty if it has the same size
 * @param capacity the memory and the options on offer; null if unknown
 * @returns the chosen options; undefined if there was no choice, null if cancelled
 */
export async function confirmRestart(
  cluster: Cluster,
  changes: readonly ShapeChange[],
  capacity: CapacityReport | null,
  trans: Trans
): Promise<readonly string[] | undefined | null> {
  const result = await showDialog({
    title: trans.__('Restart Spark?'),
    body: new RestartBody(cluster, changes, capacity, trans),
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.warnButton({ label: trans.__('Restart') })
    ]
  });
  if (!result.button.accept) return null;
  const asked = capacity !== null && capacity.options.length > 0;
  return asked ? (result.value ?? undefined) : undefined;
}
