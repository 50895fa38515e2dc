import { position, round, ticks, type Span } from './time-axis.js';
import { html, type Html } from './escaped-html.js';

/** The kind of a bar; the style sheet defines its color. */
export type BarKind = 'good' | 'bad' | 'open' | 'again' | 'other' | 'life';

export interface Bar extends Span {
  kind: BarKind;
  /** Tooltip. */
  title: string;
}

export interface Mark {
  at: number;
  kind: 'killed' | 'lost' | 'gone';
  title: string;
}

/** Stacked values over time, from the bottom up; each applies to one step. */
export interface Area {
  points: readonly { at: number; values: readonly number[] }[];
  /** Kinds of the values; the style sheet defines their colors. */
  layers: readonly string[];
  stepMs: number;
  /** The value at full height. */
  top: number;
  /** A horizontal line, such as a limit; null: none. */
  limit: number | null;
  /** Tooltip. */
  title: string;
}

export interface Row {
  label: string;
  /** Secondary text. */
  detail: string;
  /** Value on the right. */
  value: string;
  bars: readonly Bar[];
  marks: readonly Mark[];
  area?: Area;
}

export interface Lane {
  title: string;
  rows: readonly Row[];
  /** What was omitted; null: nothing. */
  note: string | null;
}

/** A finding on the timeline. */
export interface Flag {
  number: number;
  at: number;
  severity: string;
  title: string;
}

const BAR = 14;
const AREA = 44;
/** Minimum width of a bar, percent. */
const MIN_BAR_WIDTH = 0.25;
/** Flags closer than this (percent) are placed below each other. */
const FLAG_APART = 4;
const FLAG_LEVELS = 4;
const FLAG_HEIGHT = 20;

/** The timeline: an axis, and below it the findings and the lanes. */
export function chart(span: Span, flags: readonly Flag[], lanes: readonly Lane[]): Html {
  return html`<div class="chart">
    ${grid(span, lanes)}
    <div class="row axis"><span class="track">${axis(span)}</span></div>
    ${flags.length > 0 ? flagRow(span, flags) : null} ${lanes.map(lane => laneHtml(span, lane))}
  </div>`;
}

/** Background lines: the ticks, and the times at which executors were killed. */
function grid(span: Span, lanes: readonly Lane[]): Html {
  const kills = lanes
    .flatMap(({ rows }) => rows.flatMap(({ marks }) => marks))
    .filter(({ kind }) => kind === 'killed');
  const places = new Set(kills.map(({ at }) => position(at, span)));
  return html`<svg class="grid" aria-hidden="true">
    ${ticks(span).map(({ x }) => html`<line class="tick" x1="${x}%" x2="${x}%" y2="100%" />`)}
    ${[...places].map(x => html`<line class="kill" x1="${x}%" x2="${x}%" y2="100%" />`)}
  </svg>`;
}

function axis(span: Span): Html {
  return html`<svg height="16" aria-hidden="true">
    ${ticks(span).map(({ x, label }, index) => {
      const anchor = x > 92 ? 'end' : x < 4 ? 'start' : 'middle';
      // Narrow screens show every second label.
      const rare = index % 2 === 1 ? 'wide' : '';
      return html`<text class="${rare}" x="${x}%" y="12" text-anchor="${anchor}">${label}</text>`;
    })}
  </svg>`;
}

function flagRow(span: Span, flags: readonly Flag[]): Html {
  const ends: number[] = [];
  const placed = flags
    .map(flag => ({ ...flag, x: Math.min(98.5, Math.max(1.5, position(flag.at, span))) }))
    .sort((a, b) => a.x - b.x || a.number - b.number)
    .map(flag => {
      const free = ends.findIndex(end => flag.x - end >= FLAG_APART);
      const level = free >= 0 ? free : Math.min(ends.length, FLAG_LEVELS - 1);
      ends[level] = flag.x;
      return { ...flag, y: 10 + level * FLAG_HEIGHT };
    });
  const height = Math.max(1, ends.length) * FLAG_HEIGHT;
  return html`<div class="row flags">
    <span class="label">Findings</span>
    <span class="track"
      ><svg height="${height}">
        ${placed.map(
          ({ number, severity, title, x, y }) =>
            html`<a href="#finding-${number}"
              ><circle class="flag ${severity}" cx="${x}%" cy="${y}" r="8.5"
                ><title>${title}</title></circle
              ><text class="flag" x="${x}%" y="${y + 3.5}" text-anchor="middle">${number}</text></a
            >`
        )}
      </svg></span
    >
  </div>`;
}

function laneHtml(span: Span, { title, rows, note }: Lane): Html | null {
  if (rows.length === 0) return null;
  return html`<section class="lane">
    <h3>${title}</h3>
    ${rows.map(row => rowHtml(span, row))}
    ${note === null ? null : html`<p class="note">${note}</p>`}
  </section>`;
}

function rowHtml(span: Span, { label, detail, value, bars, marks, area }: Row): Html {
  const height = area ? AREA : BAR;
  return html`<div class="row ${area ? 'tall' : ''}">
    <span class="label" title="${label} ${detail}"><b>${label}</b> ${detail}</span>
    <span class="value">${value}</span>
    <span class="track"
      ><svg height="${height}">
        ${bars.map(bar => barHtml(span, bar, height))} ${area ? areaHtml(span, area, height) : null}
        ${marks.map(mark => markHtml(span, mark, height))}
      </svg></span
    >
  </div>`;
}

function barHtml(span: Span, { from, to, kind, title }: Bar, height: number): Html {
  const x = position(from, span);
  const width = Math.max(MIN_BAR_WIDTH, round(position(to, span) - x));
  return html`<rect
    class="bar ${kind}"
    x="${Math.min(x, 100 - MIN_BAR_WIDTH)}%"
    width="${width}%"
    height="${height}"
    rx="2"
    ><title>${title}</title></rect
  >`;
}

function markHtml(span: Span, { at, kind, title }: Mark, height: number): Html {
  const x = Math.min(99, Math.max(1, position(at, span)));
  const y = round(height / 2);
  // A nested SVG allows a position in percent.
  return html`<svg class="mark ${kind}" x="${x}%" y="${y}" overflow="visible">
    <title>${title}</title>
    <circle r="6.5" />
    ${kind === 'gone' ? html`<path d="M-2.5 0H2.5" />` : html`<path d="M-2.5-2.5l5 5m0-5l-5 5" />`}
  </svg>`;
}

/** Stacked steps. The SVG is stretched to the width, but its strokes are not. */
function areaHtml(span: Span, area: Area, height: number): Html {
  const { layers, limit, title } = area;
  // The total is drawn first, the others in front of it.
  const paths = layers
    .map((kind, layer) => html`<path class="area ${kind}" d="${stepPath(span, area, layer)}" />`)
    .reverse();
  return html`<svg
    class="areas"
    viewBox="0 0 1000 100"
    width="100%"
    height="${height}"
    preserveAspectRatio="none"
  >
    <title>${title}</title>
    ${paths}${limit === null ? null : html`<path class="limit" d="${limitPath(span, area, limit)}" />`}
  </svg>`;
}

/** The outline of the sum of the layers up to this one, with gaps where nothing was measured. */
function stepPath(span: Span, area: Area, layer: number): string {
  const { points, stepMs } = area;
  let path = '';
  let end = -Infinity;
  for (const { at, values } of points) {
    const x = round(10 * position(at, span));
    const next = Math.max(x + 1, round(10 * position(at + stepMs, span)));
    const y = level(
      values.slice(0, layer + 1).reduce((sum, value) => sum + value, 0),
      area
    );
    if (x > end + 0.5) path += `${path === '' ? '' : 'V100Z'}M${x} 100`;
    path += `V${y}H${next}`;
    end = next;
  }
  return path === '' ? '' : `${path}V100Z`;
}

/** The limit, from the first to the last measurement. */
function limitPath(span: Span, area: Area, limit: number): string {
  const { points, stepMs } = area;
  const from = position(points[0]?.at ?? span.from, span);
  const to = position((points.at(-1)?.at ?? span.to) + stepMs, span);
  return `M${10 * from} ${level(limit, area)}H${10 * to}`;
}

function level(value: number, { top }: Area): number {
  return Math.round(100 - (100 * Math.min(value, top)) / (top || 1));
}
