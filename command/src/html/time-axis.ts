import { day, hourAndMinute, timeOfDay } from '../report-messages.js';

/** The time range of the axis, ms since the epoch. */
export interface Span {
  from: number;
  to: number;
}

export interface Tick {
  at: number;
  /** Percent of the width. */
  x: number;
  label: string;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Tick intervals, ms. */
const STEPS = [
  ...[0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30].map(n => n * SECOND),
  ...[1, 2, 5, 10, 15, 30].map(n => n * MINUTE),
  ...[1, 2, 3, 6, 12].map(n => n * HOUR),
  ...[1, 2, 7, 14, 30, 90, 365].map(n => n * DAY)
];

/** Position of a time on the axis, percent of its width, clamped to the axis. */
export function position(at: number, { from, to }: Span): number {
  const share = to > from ? (at - from) / (to - from) : 0;
  return round(100 * Math.min(1, Math.max(0, share)));
}

/** Rounded to two decimals: finer than a pixel. */
export function round(x: number): number {
  return Math.round(100 * x) / 100;
}

/** Ticks at round times, about the given number. */
export function ticks(span: Span, about = 6): Tick[] {
  const length = span.to - span.from;
  if (!(length > 0)) return [];
  const step = STEPS.find(candidate => length / candidate <= about) ?? Math.ceil(length / about);
  // Steps of hours and days are aligned to the local day.
  const offset = step >= HOUR ? new Date(span.from).getTimezoneOffset() * MINUTE : 0;
  const first = Math.ceil((span.from - offset) / step) * step + offset;
  const found: Tick[] = [];
  for (let at = first; at <= span.to; at += step) {
    found.push({ at, x: position(at, span), label: tickLabel(at, step) });
  }
  return found;
}

function tickLabel(at: number, step: number): string {
  if (step >= DAY) return day(at);
  if (step >= MINUTE) return hourAndMinute(at);
  return step >= SECOND ? timeOfDay(at) : `${timeOfDay(at)}.${Math.floor((at % SECOND) / 100)}`;
}
