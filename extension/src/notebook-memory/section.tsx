import * as React from 'react';
import type { NotebookMemory } from '@aglais/protocol';
import { Button } from '../button';
import { Section } from '../panel/cluster';
import type { Trans } from '../words';
import { memoryFigure, memoryRemarks, sizes } from './messages';

/** Memory of the pod in which this Jupyter and all its kernels live, and a way to more of it. */
export function NotebookMemorySection(props: {
  memory: NotebookMemory;
  disabled: boolean;
  onGrow: () => void;
  trans: Trans;
}): React.JSX.Element {
  const { memory, disabled, onGrow, trans } = props;
  const { limitMiB, usedMiB } = memory;
  const nearly = limitMiB !== null && (usedMiB ?? 0) > 0.9 * limitMiB;
  const figure = memoryFigure(memory, trans);
  const name = trans.__('All notebooks');
  return (
    <Section title={trans.__('Memory of Jupyter')} className="aglais-NotebookMemory">
      <div className="aglais-Memory" data-nearly-full={nearly || undefined} title={memory.pod}>
        <div className="aglais-Memory-words">
          <span className="aglais-Memory-name">{name}</span>
          <span className="aglais-Memory-figure">{figure}</span>
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
      {memoryRemarks(memory, trans).map(remark => (
        <p key={remark} className="aglais-NotebookMemory-remark">
          {remark}
        </p>
      ))}
      {sizes(memory).length > 0 && (
        <Button data-command="grow-notebook" disabled={disabled} onClick={onGrow}>
          {trans.__('Give it more…')}
        </Button>
      )}
    </Section>
  );
}
