import * as React from 'react';
import type { Memory, MemoryLine } from '@aglais/protocol';
import { memoryParts, type MemoryParts } from '../clusters/messages';
import { formatMemory, formatMemoryUse } from '../format';
import type { Trans } from '../translation';
import { MemoryOverTime } from './memory-over-time';

const PARTS: readonly (keyof MemoryParts)[] = ['heap', 'python', 'other'];

function formatPart(part: keyof MemoryParts, heapKnown: boolean, trans: Trans): string {
  switch (part) {
    case 'heap':
      return trans.__('Java heap');
    case 'python':
      return trans.__('Python');
    case 'other':
      return heapKnown ? trans.__('other') : trans.__('Java and other');
  }
}

/** The legend of the bars. Without heap metrics, the heap counts as other memory. */
export function MemoryLegend(props: { heapKnown: boolean; trans: Trans }): React.JSX.Element {
  const { heapKnown, trans } = props;
  return (
    <ul className="aglais-Legend" aria-hidden="true">
      {PARTS.filter(part => heapKnown || part !== 'heap').map(part => (
        <li key={part}>
          <span className="aglais-Legend-key" data-part={part} />
          {formatPart(part, heapKnown, trans)}
        </li>
      ))}
    </ul>
  );
}

/** Memory used of the limit, split into heap, Python and other. */
export function MemoryRow(props: {
  name: string;
  detail?: string;
  memory: Memory;
  /** The same over time, if known. */
  line?: MemoryLine | undefined;
  trans: Trans;
}): React.JSX.Element {
  const { name, detail, memory, line, trans } = props;
  const parts = memoryParts(memory);
  const words = formatMemoryUse(memory.usedMiB, memory.limitMiB, trans);
  const limit = memory.limitMiB;
  const nearly = limit !== null && (memory.usedMiB ?? 0) > 0.9 * limit;
  const heapKnown = memory.heapUsedMiB !== null;
  const split = parts
    ? PARTS.filter(part => parts[part] > 0)
        .map(part =>
          trans.__('%1: %2', formatPart(part, heapKnown, trans), formatMemory(parts[part], trans))
        )
        .join(', ')
    : '';
  return (
    <div className="aglais-Memory" data-nearly-full={nearly || undefined}>
      <div className="aglais-Memory-text">
        <span className="aglais-Memory-name">{name}</span>
        {detail && <span className="aglais-Memory-detail">{detail}</span>}
        <span className="aglais-Memory-value">{words ?? trans.__('unknown')}</span>
      </div>
      {/* A bar needs a limit. */}
      {limit !== null && limit > 0 && (
        <div
          className="aglais-Memory-bar"
          role="meter"
          aria-label={trans.__('Memory of %1', name)}
          aria-valuemin={0}
          aria-valuemax={limit}
          aria-valuenow={memory.usedMiB ?? 0}
          aria-valuetext={[words, split].filter(Boolean).join('; ')}
          title={split}
        >
          {parts &&
            PARTS.map(part => (
              <div
                key={part}
                data-part={part}
                style={{ width: `${Math.min(100, (parts[part] / limit) * 100)}%` }}
              />
            ))}
        </div>
      )}
      {line && <MemoryOverTime name={name} line={line} limitMiB={limit} trans={trans} />}
    </div>
  );
}
