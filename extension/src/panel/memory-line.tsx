import * as React from 'react';
import type { MemoryLine } from '@aglais/protocol';
import { linePieces, lineWords } from '../clusters/memory-line';
import type { Trans } from '../words';

/** Units of the drawing; it is stretched to the width that there is. */
const WIDTH = 100;
const HEIGHT = 20;

/** Memory in use over time as a small line; nothing as long as there is no line to draw. */
export function MemoryOverTime(props: {
  name: string;
  line: MemoryLine;
  limitMiB: number | null;
  trans: Trans;
}): React.JSX.Element | null {
  const { name, line, limitMiB, trans } = props;
  const pieces = linePieces(line, limitMiB);
  if (pieces.length === 0) return null;
  const words = lineWords(line, trans);
  return (
    <svg
      className="aglais-MemoryLine"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={trans.__('Memory of %1: %2', name, words)}
    >
      <title>{words}</title>
      {pieces.map(piece => {
        const points = piece.map(
          ([x, y]) => `${(x * WIDTH).toFixed(1)},${(y * HEIGHT).toFixed(1)}`
        );
        return <polyline key={points[0]} points={points.join(' ')} />;
      })}
    </svg>
  );
}
