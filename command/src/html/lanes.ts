import { duration, plural } from '@aglais/diagnosis';
import type { ApplicationReport, Timeline } from '@aglais/protocol';
import { oneLine } from '../printable.js';
import { SEVERITY_WORDS, timeOfDay } from '../words.js';
import type { Span } from './axis.js';
import type { Bar, Flag, Lane, Mark, Row } from './chart.js';

/** Rows of one lane that a person can still look at. */
const ROWS = 40;
const FLAGS = 99;

/** From the first to the last moment that the report knows; null if it knows none. */
export function spanOf({
  startedAt,
  endedAt,
  findings,
  resources
}: ApplicationReport): Span | null {
  const { jobs, stages, executors } = resources.timeline;
  const times = [
    ...[startedAt, endedAt],
    ...findings.flatMap(({ firstSeen, lastSeen }) => [firstSeen, lastSeen]),
    ...[...jobs, ...stages].flatMap(work => [work.startedAt, work.endedAt]),
    ...executors.flatMap(({ addedAt, removedAt }) => [addedAt, removedAt])
  ].filter(time => time !== null && time > 0) as number[];
  if (times.length === 0) return null;
  const from = times.reduce((a, b) => Math.min(a, b));
  const to = times.reduce((a, b) => Math.max(a, b));
  return { from, to: Math.max(to, from + 1) };
}

/** The findings as numbered flags, by their number in the list of cards. */
export function flagsOf({ findings }: ApplicationReport): Flag[] {
  return findings.slice(0, FLAGS).map((finding, index) => ({
    number: index + 1,
    at: finding.firstSeen,
    severity: finding.severity,
    title: `${SEVERITY_WORDS[finding.severity]}: ${finding.title} (${timeOfDay(finding.firstSeen)})`
  }));
}

/** Jobs, stages and executors over time. */
export function lanesOf(report: ApplicationReport, span: Span): Lane[] {
  const { jobs, stages, executors } = report.resources.timeline;
  return [
    lane(
      'Jobs',
      'job',
      jobs,
      job => job.result === 'failed',
      job => jobRow(job, span)
    ),
    lane(
      'Stages',
      'stage',
      stages,
      stage => stage.failed || stage.attempt > 0,
      stage => stageRow(stage, span)
    ),
    lane(
      'Executors',
      'executor',
      executors,
      executor => executor.killed,
      executor => executorRow(executor, span)
    )
  ];
}

interface Timed {
  startedAt?: number | null;
  addedAt?: number | null;
  endedAt?: number | null;
  removedAt?: number | null;
}

/** Of many, those that something happened to, then the longest; in the order of time. */
function lane<T extends Timed>(
  title: string,
  noun: string,
  all: readonly T[],
  matters: (one: T) => boolean,
  row: (one: T) => Row
): Lane {
  const length = (one: T): number => (end(one) ?? Infinity) - (begin(one) ?? 0);
  const shown = [...all]
    .sort((a, b) => Number(matters(b)) - Number(matters(a)) || length(b) - length(a) || 0)
    .slice(0, ROWS)
    .sort((a, b) => (begin(a) ?? 0) - (begin(b) ?? 0));
  const more = all.length - shown.length;
  return {
    title,
    rows: shown.map(row),
    note: more > 0 ? `${plural(more, `other ${noun}`)}, all of them shorter, not drawn` : null
  };
}

function begin({ startedAt, addedAt }: Timed): number | null {
  return startedAt ?? addedAt ?? null;
}

function end({ endedAt, removedAt }: Timed): number | null {
  return endedAt ?? removedAt ?? null;
}

function jobRow(job: Timeline['jobs'][number], span: Span): Row {
  const kinds = {
    succeeded: 'good',
    failed: 'bad',
    running: 'open',
    cancelled: 'other',
    shutdown: 'other'
  } as const;
  return {
    label: `Job ${job.id}`,
    detail: oneLine(job.description ?? ''),
    ...timed(job.startedAt, job.endedAt, span, kinds[job.result], job.result),
    marks: []
  };
}

function stageRow(stage: Timeline['stages'][number], span: Span): Row {
  const again = stage.attempt > 0;
  const kind = stage.failed ? 'bad' : stage.endedAt === null ? 'open' : again ? 'again' : 'good';
  const words = stage.failed ? 'failed' : stage.endedAt === null ? 'not ended' : 'done';
  return {
    label: `Stage ${stage.id}${again ? `.${stage.attempt}` : ''}`,
    detail: `${again ? 'again · ' : ''}${plural(stage.tasks, 'task')} · ${oneLine(stage.name)}`,
    ...timed(stage.startedAt, stage.endedAt, span, kind, again ? `again, ${words}` : words),
    marks: []
  };
}

function executorRow(executor: Timeline['executors'][number], span: Span): Row {
  const { id, host, addedAt, removedAt, reason, killed } = executor;
  const marks: Mark[] =
    removedAt === null
      ? []
      : [
          {
            at: removedAt,
            kind: killed ? 'killed' : 'gone',
            title: `${timeOfDay(removedAt)}: ${oneLine(reason ?? 'removed')}`
          }
        ];
  return {
    label: `Executor ${id}`,
    detail: oneLine(host),
    ...timed(addedAt, removedAt, span, 'life', killed ? 'killed' : 'there'),
    marks
  };
}

/** A bar from start to end, and how long that is. */
function timed(
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
  const length = duration(to - from);
  return {
    bars: [{ from, to, kind, title: `${timeOfDay(from)} – ${until}, ${length}, ${words}` }],
    value: length
  };
}
