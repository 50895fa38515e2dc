import { Dialog, ReactWidget, showDialog } from '@jupyterlab/apputils';
import * as React from 'react';
import type { CapacityReport, Cluster } from '@aglais/protocol';
import { gib, type Trans } from '../words';
import { OptionChoice } from './options';
import type { ShapeChange } from './messages';

/** What a person should know before Spark goes away under a notebook. */
function LostAndKept({ trans }: { trans: Trans }): React.JSX.Element {
  return (
    <dl className="aglais-LostAndKept">
      <dt>{trans.__('Lost')}</dt>
      <dd>{trans.__('temporary views, cached tables, and what Spark computes right now')}</dd>
      <dt>{trans.__('Kept')}</dt>
      <dd>{trans.__('all Python variables, the notebook, and every file and table written')}</dd>
    </dl>
  );
}

/** Asks whether to stop the cluster of a notebook. */
export async function confirmStop(cluster: Cluster, trans: Trans): Promise<boolean> {
  const result = await showDialog({
    title: trans.__('Stop Spark?'),
    body: (
      <div className="aglais-Dialog">
        <p>
          {trans.__(
            'This ends the Spark cluster of %1. It starts again by itself at the next use of Spark.',
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

/** What a new cluster would be, and the options that it shall have. */
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
            ? trans.__('%1 gets a new Spark cluster, now with:', cluster.notebook)
            : trans.__('%1 gets a new Spark cluster of the same size.', cluster.notebook)}
        </p>
        {changes.length > 0 && (
          <ul>
            {changes.map(change => (
              <li key={change.short}>{change.full}</li>
            ))}
          </ul>
        )}
        <OptionChoice
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
              'All notebooks together have %1 of %2 GiB; the memory of the old cluster is freed first.',
              gib(capacity.grantedMiB),
              gib(capacity.totalMiB)
            )}
          </p>
        )}
      </div>
    );
  }

  private _options: string[];
}

/**
 * Asks whether to replace the cluster of a notebook.
 *
 * @param changes what is different in the new one, empty if it has the same size
 * @param capacity what the machine can still hold and what is offered, if that is known
 * @returns the options that were chosen; undefined if nobody could choose, null if nothing is to be done
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
