import { formatDuration, plural } from '@aglais/diagnosis';
import type {
  ApplicationReport,
  Confidence,
  Cost,
  Evidence,
  Finding,
  Severity
} from '@aglais/protocol';

/** Messages that all report formats share. */

export const SEVERITIES: readonly Severity[] = ['error', 'warning', 'info'];

export const SEVERITY_LABELS: Record<Severity, string> = {
  error: 'Error',
  warning: 'Warning',
  info: 'Note'
};

export const CONFIDENCE_LABELS: Record<Confidence, string> = {
  certain: 'directly observed',
  likely: 'the only known cause that fits',
  possible: 'one of several possible causes'
};

export const SOURCE_LABELS: Record<Evidence['source'], string> = {
  eventlog: 'Spark event log',
  container: 'container state',
  'k8s-event': 'Kubernetes event',
  log: 'log',
  cgroup: 'cgroup counters',
  client: 'Spark client'
};

/** "2 errors, 1 warning and 3 notes"; empty without findings. */
export function countText(findings: readonly Pick<Finding, 'severity'>[]): string {
  const nouns: Record<Severity, string> = { error: 'error', warning: 'warning', info: 'note' };
  const parts = SEVERITIES.flatMap(severity => {
    const count = findings.filter(finding => finding.severity === severity).length;
    return count === 0 ? [] : [plural(count, nouns[severity])];
  });
  return parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}

/** The cost of an incident; null if there is none. */
export function costText(cost: Cost | undefined): string | null {
  if (!cost) return null;
  const parts: string[] = [];
  if (cost.recomputedTasks > 0) parts.push(`${plural(cost.recomputedTasks, 'task')} ran again`);
  if (cost.taskMs > 0) parts.push(`${formatDuration(cost.taskMs)} of task time lost`);
  if (cost.wallMs > 0) parts.push(`delayed by about ${formatDuration(cost.wallMs)}`);
  if (parts.length === 0) return null;
  return `${parts.join(', ')}${cost.estimated ? ' (estimated)' : ''}`;
}

/** What a finding is about, e.g. "cell 3f2a (run 7) · job 3 · stage 4.1 · executor 1". */
export function subjectText({ subject }: Finding, most = 4): string {
  const { cell, run, jobs = [], stages = [], executors = [], pod } = subject;
  const several = (noun: string, names: readonly (string | number)[]): string[] =>
    names.length === 0
      ? []
      : names.length > most
        ? [`${noun}s ${names.slice(0, most).join(', ')} and ${names.length - most} more`]
        : [`${noun}${names.length > 1 ? 's' : ''} ${names.join(', ')}`];
  return [
    ...(cell === undefined ? [] : [`cell ${cell}${run === undefined ? '' : ` (run ${run})`}`]),
    ...several('job', jobs),
    ...several(
      'stage',
      stages.map(({ id, attempt }) => (attempt > 0 ? `${id}.${attempt}` : id))
    ),
    ...several('executor', executors),
    ...(pod === undefined ? [] : [`pod ${pod}`])
  ].join(' · ');
}

const DAY = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });
const TIME = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const SECOND = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit'
});
const ZONE = new Intl.DateTimeFormat('en-GB', { timeZoneName: 'short' });

/** Corrupt logs may contain dates that JavaScript cannot represent. */
function inRange(at: number): boolean {
  return Number.isFinite(at) && Math.abs(at) <= 8.64e15;
}

/** "20 Nov 2026, 23:25", in the reader's time zone. */
export function dayAndTime(at: number): string {
  return inRange(at) ? `${DAY.format(at)}, ${TIME.format(at)}` : '?';
}

/** "23:25:44" */
export function timeOfDay(at: number): string {
  return inRange(at) ? SECOND.format(at) : '?';
}

/** "23:25" */
export function hourAndMinute(at: number): string {
  return inRange(at) ? TIME.format(at) : '?';
}

/** "20 Nov 2026" */
export function day(at: number): string {
  return inRange(at) ? DAY.format(at) : '?';
}

/** The reader's time zone at that time, e.g. "UTC" or "GMT+2". */
export function zone(at: number): string {
  return inRange(at)
    ? (ZONE.formatToParts(at).find(({ type }) => type === 'timeZoneName')?.value ?? '')
    : '';
}

/** Duration of the application; null if unknown. */
export function durationText({ startedAt, endedAt }: ApplicationReport): string | null {
  return startedAt === null || endedAt === null
    ? null
    : formatDuration(Math.max(0, endedAt - startedAt));
}

/** The name of an application, or another label. */
export function titleOf({ name, id, files }: ApplicationReport): string {
  return name || id || files[0] || 'Spark application';
}

/** A note about an incomplete log; null if it is complete or a finding reports it. */
export function incompleteNote({ complete, findings }: ApplicationReport): string | null {
  return complete || findings.some(({ code }) => code === 'application-incomplete')
    ? null
    : 'The event log is incomplete: the application is still running, or the log is truncated.';
}

/** The sentence for a report without findings; it mentions jobs that the end of the application cancelled. */
export function noProblemsText(report: ApplicationReport): string {
  const took = durationText(report);
  const unfinished = report.resources.timeline.jobs.filter(({ result }) => result === 'shutdown');
  const longest = Math.max(
    ...unfinished.map(({ startedAt, endedAt }) =>
      startedAt === null || endedAt === null ? 0 : endedAt - startedAt
    )
  );
  const rest =
    unfinished.length === 0
      ? ''
      : ` ${plural(unfinished.length, 'job')} ${unfinished.length === 1 ? 'was' : 'were'} still running when the application ended` +
        `, after ${formatDuration(longest)}.`;
  return `No problems found${took === null ? '' : ` in ${took} of log`}.${rest}`;
}

/** "3 lines could not be read", or null. */
export function unreadLinesText({ problemCount }: ApplicationReport): string | null {
  return problemCount === 0
    ? null
    : `${plural(problemCount, 'line')} could not be read; the rest of the log was.`;
}

/** The severity of the worst finding; null if there is none. */
export function worst({ findings }: ApplicationReport): Severity | null {
  return SEVERITIES.find(severity => findings.some(f => f.severity === severity)) ?? null;
}

/**
 * The `most` relevant pieces of evidence, in their order: direct observations (counters, containers, logs) before what Spark
 * reported, and distinct texts before repeated ones.
 */
export function mostRelevant(evidence: readonly Evidence[], most: number): Evidence[] {
  const isFirst = (piece: Evidence): boolean =>
    evidence.find(({ source, quote }) => source === piece.source && quote === piece.quote) ===
    piece;
  const rank = (piece: Evidence): number =>
    (isFirst(piece) ? 0 : 2) + (piece.source === 'eventlog' ? 1 : 0);
  const chosen = new Set([...evidence].sort((a, b) => rank(a) - rank(b)).slice(0, most));
  return evidence.filter(piece => chosen.has(piece));
}

/** Where evidence was read; files of the log by name only, because the reader knows their directory. */
export function placeText(ref: string, files: readonly string[]): string {
  const file = files.find(path => ref === path || ref.startsWith(`${path}:`));
  return file === undefined ? ref : ref.slice(file.lastIndexOf('/') + 1);
}

/** "events.jsonl:17", or the file alone. */
export function fileAndLine({ file, line }: { file: string; line: number }): string {
  return line === 0 ? file : `${file}:${line}`;
}

/** When a finding was seen, and how often: "23:00:20 to 23:01:05, 3 times". */
export function seenText({ firstSeen, lastSeen, count }: Finding): string {
  const [first, last] = [timeOfDay(firstSeen), timeOfDay(lastSeen)];
  return `${first}${first === last ? '' : ` to ${last}`}${count > 1 ? `, ${count} times` : ''}`;
}
