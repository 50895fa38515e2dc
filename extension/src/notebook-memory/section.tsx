import * as React from 'react';
import type { NotebookMemory } from '@aglais/protocol';
import { Button } from '../button';
import { Section } from '../panel/cluster';
import type { Trans } from '../translation';
import { formatUsage, formatRemarks, offeredLimits } from './messages';

/** Memory of the pod in which this Jupyter and all its kernels run, and a button to increase it. */
export function NotebookMemorySection(props: {
  memory: NotebookMemory;
  disabled: boolean;
  onRaise: () => void;
  trans: Trans;
}): React.JSX.Element {
  const { memory, disabled, onRaise, trans } = props;
  const { limitMiB, usedMiB } = memory;
  const nearly = limitMiB !== null && (usedMiB ?? 0) > 0.9 * limitMiB;
  const figure = formatUsage(memory, trans);
  const name = trans.__('All notebooks');
  return (
    <Section title={trans.__('Jupyter memory')} className="aglais-NotebookMemory">
      <div className="aglais-Memory" data-nearly-full={nearly || undefined} title={memory.pod}>
        <div className="aglais-Memory-text">
          <span className="aglais-Memory-name">{name}</span>
          <span className="aglais-Memory-value">{figure}</span>
        </div>
        {limitMiB !== null && (
          <div
            className="aglais-Memory-bar"
            role="meter"
            aria-label={trans.__('Memory of %1', name)}
            aria-valuemin={0}
            aria-valuemax={limitMiB}
            aria-valuenow={usedMiB ?? 0}
            aria-valuetext={figure}
          >
            <div
              data-part="python"
              style={{ width: `${Math.min(100, ((usedMiB ?? 0) / limitMiB) * 100)}%` }}
            />
          </div>
        )}
      </div>
      {formatRemarks(memory, trans).map(remark => (
        <p key={remark} className="aglais-NotebookMemory-remark">
          {remark}
        </p>
      ))}
      {offeredLimits(memory).length > 0 && (
        <Button data-command="raise-memory-limit" disabled={disabled} onClick={onRaise}>
          {trans.__('Increase…')}
        </Button>
      )}
    </Section>
  );
}
