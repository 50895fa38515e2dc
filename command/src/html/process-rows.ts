import { formatMiB } from '@aglais/diagnosis';
import type {
  ApplicationReport,
  Finding,
  Memory,
  MemoryPoint,
  ProcessUsage,
  Timeline
} from '@aglais/protocol';
import { timeOfDay } from '../report-messages.js';
import type { Span } from './time-axis.js';
import type { Area, Mark } from './timeline-chart.js';
import { brief, timed, type Candidate } from './timeline-row.js';

type Life = Timeline['executors'][number];

/** Rows of the driver, if its memory is known, and of the executors: lifetime and memory. */
export function processRows({ findings, resources }: ApplicationReport, span: Span): Candidate[] {
  const findingOf = findingsByExecutor(findings);
  const usage = new Map(resources.usage.map(process => [process.who, process]));
  const granted = new Map(resources.executors.map(({ id, memory: limits }) => [id, limits]));
  const driver = areaOf(usage.get('driver'), resources.driver);
  // Logs of stopped clusters mention executors that never registered: there is nothing to draw.
  const shown = resources.timeline.executors.filter(
    ({ id, addedAt }) => addedAt !== null || usage.has(id) || findingOf.has(id)
  );
  const rows = shown.map(life =>
    executorRow(
      life,
      findingOf.get(life.id),
      areaOf(usage.get(life.id), granted.get(life.id)),
      span
    )
  );
  if (!driver) return rows;
  const row = {
    label: 'Driver',
    detail: driver.title,
    value: '',
    bars: [],
    marks: [],
    area: driver
  };
  return [{ row, from: 0, to: null, matters: true }, ...rows];
}

function executorRow(
  { id, host, addedAt, removedAt, reason, killed }: Life,
  finding: Finding | undefined,
  area: Area | null,
  span: Span
): Candidate {
  const loss =
    killed || finding?.code === 'executor-oom-killed' ? 'killed' : finding ? 'lost' : null;
  const why = brief(finding?.title ?? reason ?? 'removed');
  const marks: Mark[] =
    removedAt === null
      ? []
      : [{ at: removedAt, kind: loss ?? 'gone', title: `${timeOfDay(removedAt)}: ${why}` }];
  return {
    row: {
      label: `Executor ${brief(id)}`,
      detail: [area?.title, brief(host)].filter(Boolean).join(' · '),
      ...timed(addedAt, removedAt, span, 'life', loss ?? 'running'),
      marks,
      ...(area && { area })
    },
    from: addedAt,
    to: removedAt,
    matters: loss !== null
  };
}

/** The finding that explains the loss of each executor. */
function findingsByExecutor(findings: readonly Finding[]): Map<string, Finding> {
  return new Map(
    findings
      .filter(({ code }) => code.startsWith('executor-'))
      .flatMap(finding => (finding.subject.executors ?? []).map(id => [id, finding] as const))
  );
}

/**
 * Memory over time: heap, Python and the rest if whole processes were measured, otherwise the heap only; each
 * with its limit. Null if nothing was measured.
 */
function areaOf(usage: ProcessUsage | undefined, limits: Memory | undefined): Area | null {
  if (!usage) return null;
  const { series, stepMs } = usage;
  const whole = series.some(point => wholeMiB(point) !== null);
  const points = series.flatMap(point => {
    const values = whole ? partsOf(point) : point.heapMiB === null ? null : [point.heapMiB];
    return values ? [{ at: point.at, values }] : [];
  });
  if (points.length === 0) return null;
  const most = points.reduce((max, { values }) => Math.max(max, sum(values)), 0);
  const limit = (whole ? limits?.limitMiB : limits?.heapLimitMiB) ?? null;
  const of = limit === null ? '' : ` of ${formatMiB(limit)}`;
  return {
    points,
    layers: whole ? ['heap', 'python', 'rest'] : ['heap'],
    stepMs,
    top: Math.max(most, limit ?? 0) * 1.05,
    limit,
    title: `${formatMiB(most)}${of}${whole ? '' : ' heap'} (peak)`
  };
}

/** Resident memory of the process and its children, MiB. */
function wholeMiB({ usedMiB, jvmMiB, pythonMiB, otherMiB }: MemoryPoint): number | null {
  if (usedMiB !== null) return usedMiB;
  return jvmMiB === null ? null : jvmMiB + (pythonMiB ?? 0) + (otherMiB ?? 0);
}

/** Heap, Python and the rest, MiB; the heap may be larger than its resident part. */
function partsOf(point: MemoryPoint): number[] | null {
  const whole = wholeMiB(point);
  if (whole === null) return null;
  const python = Math.min(whole, point.pythonMiB ?? 0);
  const heap = Math.min(whole - python, point.heapMiB ?? 0);
  return [heap, python, whole - python - heap];
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
