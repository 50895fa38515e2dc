import * as React from 'react';
import type { MemoryLine } from '@aglais/protocol';
import { lineSegments, formatMemoryLine } from '../clusters/memory-line';
import type { Trans } from '../translation';

/** The size of the view box; the drawing is stretched to the available width. */
const WIDTH = 100;
const HEIGHT = 20;

/** Memory in use over time as a sparkline; nothing while there are too few samples. */
export function MemoryOverTime(props: {
  name: string;
  line: MemoryLine;
  limitMiB: number | null;
  trans: Trans;
}): React.JSX.Element | null {
  const { name, line, limitMiB, trans } = props;
  const segments = lineSegments(line, limitMiB);
  if (segments.length === 0) return null;
  const text = formatMemoryLine(line, trans);
  return (
    <svg
      className="aglais-MemoryLine"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={trans.__('Memory of %1: %2', name, text)}
    >
      <title>{text}</title>
      {segments.map(segment => {
        const points = segment.map(
          ([x, y]) => `${(x * WIDTH).toFixed(1)},${(y * HEIGHT).toFixed(1)}`
        );
        return <polyline key={points[0]} points={points.join(' ')} />;
      })}
    </svg>
  );
}
