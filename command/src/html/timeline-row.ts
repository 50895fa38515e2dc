import { formatDuration } from '@aglais/diagnosis';
import { oneLine, shortened } from '../printable.js';
import { timeOfDay } from '../report-messages.js';
import type { Span } from './time-axis.js';
import type { Bar, Row } from './timeline-chart.js';

/** Maximum length of a description or tooltip. */
const CHARACTERS = 160;

/** A row that may be omitted if there are too many. */
export interface Candidate {
  row: Row;
  /** Null: unknown. */
  from: number | null;
  to: number | null;
  /** It had a problem, so it is omitted last. */
  matters: boolean;
}

/** A bar from start to end, and its duration. */
export function timed(
  startedAt: number | null,
  endedAt: number | null,
  span: Span,
  kind: Bar['kind'],
  words: string
): Pick<Row, 'bars' | 'value'> {
  if (startedAt === null && endedAt === null) return { bars: [], value: '' };
  const from = startedAt ?? span.from;
  const to = Math.max(from, endedAt ?? span.to);
  const until = endedAt === null ? '…' : timeOfDay(endedAt);
  const length = formatDuration(to - from);
  return {
    bars: [{ from, to, kind, title: `${timeOfDay(from)} – ${until}, ${length}, ${words}` }],
    value: length
  };
}

export function brief(text: string): string {
  return shortened(oneLine(text), CHARACTERS);
}
