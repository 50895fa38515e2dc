import { plural } from '@aglais/diagnosis';
import type { ApplicationReport, Timeline } from '@aglais/protocol';
import { SEVERITY_LABELS, timeOfDay } from '../report-messages.js';
import type { Span } from './time-axis.js';
import type { Flag, Lane } from './timeline-chart.js';
import { processRows } from './process-rows.js';
import { brief, timed, type Candidate } from './timeline-row.js';

/** Maximum rows of a lane. */
const ROWS = 40;
const FLAGS = 99;

/** From the first to the last time in the report; null if it has none. */
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

/** The findings as flags, numbered like their cards. */
export function flagsOf({ findings }: ApplicationReport): Flag[] {
  return findings.slice(0, FLAGS).map((finding, index) => ({
    number: index + 1,
    at: finding.firstSeen,
    severity: finding.severity,
    title: `${SEVERITY_LABELS[finding.severity]}: ${brief(finding.title)} (${timeOfDay(finding.firstSeen)})`
  }));
}

/** Jobs, stages, and the processes with their memory, over time. */
export function lanesOf(report: ApplicationReport, span: Span): Lane[] {
  const { jobs, stages, omitted } = report.resources.timeline;
  return [
    lane(
      'Jobs',
      'job',
      jobs.map(job => jobRow(job, span)),
      omitted.jobs
    ),
    lane(
      'Stages',
      'stage',
      stages.map(stage => stageRow(stage, span)),
      omitted.stages
    ),
    lane('Executors and their memory', 'executor', processRows(report, span), 0)
  ];
}

/** Of many rows, those with problems, then the longest; sorted by time. */
function lane(title: string, noun: string, all: readonly Candidate[], omitted: number): Lane {
  const length = ({ from, to }: Candidate): number => (to ?? Number.MAX_VALUE) - (from ?? 0);
  const shown = [...all]
    .sort((a, b) => Number(b.matters) - Number(a.matters) || length(b) - length(a))
    .slice(0, ROWS)
    .sort((a, b) => (a.from ?? 0) - (b.from ?? 0));
  const more = all.length - shown.length + omitted;
  return {
    title,
    rows: shown.map(({ row }) => row),
    note: more > 0 ? `${more} more ${more === 1 ? noun : `${noun}s`} not shown` : null
  };
}

function jobRow(job: Timeline['jobs'][number], span: Span): Candidate {
  const { id, startedAt, endedAt, result } = job;
  const kinds = {
    succeeded: 'good',
    failed: 'bad',
    running: 'open',
    cancelled: 'other',
    shutdown: 'other'
  } as const;
  return {
    row: {
      label: `Job ${id}`,
      detail: brief([scopeLabel(job.scope), job.description].filter(Boolean).join(' · ')),
      ...timed(startedAt, endedAt, span, kinds[result], result),
      marks: []
    },
    from: startedAt,
    to: endedAt,
    matters: result === 'failed'
  };
}

/** The cell or query of a job, from the key of its scope; empty for a job without one. */
function scopeLabel(scope: string): string {
  const [, kind, rest = ''] = /^(cell|sql):(.*)$/s.exec(scope) ?? [];
  if (kind === 'sql') return `SQL ${rest}`;
  if (kind !== 'cell') return '';
  const [, run, cell] = /^(\d+):(.+)$/s.exec(rest) ?? [];
  return cell === undefined ? `cell ${rest}` : `cell ${cell} (run ${run})`;
}

function stageRow(stage: Timeline['stages'][number], span: Span): Candidate {
  const { id, startedAt, endedAt, failed, tasks } = stage;
  const again = stage.attempt > 0;
  const kind = failed ? 'bad' : endedAt === null ? 'open' : again ? 'again' : 'good';
  const words = failed ? 'failed' : endedAt === null ? 'running' : 'done';
  return {
    row: {
      label: `Stage ${id}${again ? `.${stage.attempt}` : ''}`,
      detail: [
        ...(again ? ['retry'] : []),
        plural(tasks, 'task'),
        // The default name of a stage is its number.
        ...(stage.name === `stage ${id}` ? [] : [brief(stage.name)])
      ].join(' · '),
      ...timed(startedAt, endedAt, span, kind, again ? `retry, ${words}` : words),
      marks: []
    },
    from: startedAt,
    to: endedAt,
    matters: failed || again
  };
}
