import { formatDuration, formatMiB } from '@aglais/diagnosis';
import type { CachedTable, ProcessUsage, Resources } from '@aglais/protocol';
import { brief } from './timeline-row.js';
import { html, type Html } from './escaped-html.js';

const ROWS = 40;

interface Column<Row> {
  title: string;
  /** Null: unknown. A column without any value is omitted. */
  cell: (row: Row) => Html | string | null;
  figure?: boolean;
}

/** Memory and task totals of each process; null if the log has none. */
export function processTable({ usage, executors, driver }: Resources): Html | null {
  const byId = new Map(executors.map(executor => [executor.id, executor]));
  const limits = (who: string) => (who === 'driver' ? driver : byId.get(who)?.memory);
  const work = (name: keyof NonNullable<ProcessUsage['work']>) => (row: ProcessUsage) =>
    row.work && row.work[name] >= 0.5 ? formatMiB(row.work[name]) : null;
  const rows = usage.filter(({ series, work: done }) => series.length > 0 || done !== null);
  const columns: Column<ProcessUsage>[] = [
    {
      title: 'Process',
      cell: ({ who }) => (who === 'driver' ? 'Driver' : `Executor ${brief(who)}`)
    },
    { title: 'Tasks', figure: true, cell: ({ who }) => tasks(byId.get(who)) },
    {
      title: 'Peak total',
      figure: true,
      cell: ({ who, peak }) => of(peak.usedMiB ?? peak.jvmMiB, limits(who)?.limitMiB)
    },
    {
      title: 'Peak heap',
      figure: true,
      cell: ({ who, peak }) => of(peak.heapMiB, limits(who)?.heapLimitMiB)
    },
    { title: 'Peak Python', figure: true, cell: ({ peak }) => of(peak.pythonMiB, null) },
    {
      title: 'Cached',
      figure: true,
      cell: ({ storageMiB }) => (storageMiB > 0 ? formatMiB(storageMiB) : null)
    },
    {
      title: 'GC',
      figure: true,
      cell: ({ work: done }) =>
        done && done.runMs > 0
          ? `${Math.round((100 * done.gcMs) / done.runMs)} % of ${formatDuration(done.runMs)}`
          : null
    },
    { title: 'Input', figure: true, cell: work('inputMiB') },
    { title: 'Shuffle read', figure: true, cell: work('shuffleReadMiB') },
    { title: 'Shuffle write', figure: true, cell: work('shuffleWriteMiB') },
    { title: 'Spilled', figure: true, cell: work('spilledMiB') }
  ];
  return tableHtml('Memory and work', 'processes', columns, rows);
}

/**
 * Tables and RDDs marked for caching, with the maximum that was cached: at the end of a log nothing is left. Null
 * if there are none.
 */
export function cachedTables(tables: readonly CachedTable[]): Html | null {
  const columns: Column<CachedTable>[] = [
    { title: 'Cached', cell: ({ name, rdd }) => `${brief(name)} (RDD ${rdd})` },
    { title: 'Level', cell: ({ level }) => level },
    {
      title: 'Partitions (maximum)',
      figure: true,
      cell: ({ most, partitions }) => (most === null ? null : meter(most.partitions, partitions))
    },
    {
      title: 'In memory',
      figure: true,
      cell: ({ most }) => (most === null ? null : formatMiB(most.memoryMiB))
    },
    {
      title: 'On disk',
      figure: true,
      cell: ({ most }) => (most && most.diskMiB > 0 ? formatMiB(most.diskMiB) : null)
    },
    {
      title: 'Recomputed',
      figure: true,
      cell: ({ recomputed }) => (recomputed > 0 ? `${recomputed}` : null)
    }
  ];
  return tableHtml('Cached tables', 'tables', columns, tables);
}

function tableHtml<Row>(
  title: string,
  noun: string,
  columns: readonly Column<Row>[],
  all: readonly Row[]
): Html | null {
  if (all.length === 0) return null;
  const rows = all.slice(0, ROWS);
  const known = columns.filter(({ cell }) => rows.some(row => cell(row) !== null));
  const side = ({ figure }: Column<Row>): string => (figure ? 'figure' : '');
  return html`<section>
    <h2>${title}</h2>
    <div class="panel scroll">
      <table>
        <thead>
          <tr>
            ${known.map(column => html`<th class="${side(column)}">${column.title}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            row =>
              html`<tr>
                ${known.map(
                  column => html`<td class="${side(column)}">${column.cell(row) ?? '–'}</td>`
                )}
              </tr> `
          )}
        </tbody>
      </table>
      ${all.length > ROWS ? html`<p class="note">and ${all.length - ROWS} more ${noun}</p>` : null}
    </div>
  </section>`;
}

function tasks(executor: Resources['executors'][number] | undefined): string | null {
  if (!executor) return null;
  const { doneTasks, failedTasks } = executor;
  return `${doneTasks}${failedTasks > 0 ? `, ${failedTasks} failed` : ''}`;
}

function of(used: number | null, limit: number | null | undefined): string | null {
  if (used === null) return null;
  return limit ? `${formatMiB(used)} of ${formatMiB(limit)}` : formatMiB(used);
}

function meter(part: number, whole: number): Html {
  const percent = whole > 0 ? Math.min(100, Math.round((100 * part) / whole)) : 0;
  return html`<svg class="meter" width="64" height="8" aria-hidden="true">
      <rect class="bar life" width="100%" height="8" rx="2" />
      <rect class="bar ${part < whole ? 'again' : 'good'}" width="${percent}%" height="8" rx="2" />
    </svg>
    ${part} of ${whole}`;
}
