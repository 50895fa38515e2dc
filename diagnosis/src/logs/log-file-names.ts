/**
 * How Spark and those who run it name the files of an event log. Sources: Spark's
 * EventLogFileWriters.scala and EventLogFileReaders.scala; Databricks' cluster log delivery.
 */

/** A part of a rolling log: `events_<index>_<application>[.codec][.compact]`. */
export interface RollingPart {
  index: number;
  compacted: boolean;
}

/** The application that a rolling directory, or a single file, is named after. */
export function applicationOf(name: string): string {
  return name
    .replace(/^eventlog_v2_/, '')
    .replace(/\.inprogress$/, '')
    .replace(/\.(?:zstd|zst|lz4|snappy|lzf|gz|zip)$/, '');
}

export function rollingPart(name: string): RollingPart | null {
  const match = /^events_(\d+)_/.exec(name);
  return match && { index: Number(match[1]), compacted: name.endsWith('.compact') };
}

/** The parts that must be read, in their order: a compacted file stands for all up to its index. */
export function rollingOrder(names: readonly string[]): { names: string[]; missing: number[] } {
  const parts = names
    .flatMap(name => {
      const part = rollingPart(name);
      return part ? [{ name, ...part }] : [];
    })
    .sort((a, b) => a.index - b.index || Number(a.compacted) - Number(b.compacted));
  const from = parts.findLastIndex(({ compacted }) => compacted);
  const needed = parts.slice(Math.max(0, from));
  const missing: number[] = [];
  // Without a compacted file the log begins with 1; what was deleted before is worth a word too.
  let next = from >= 0 ? needed[0]!.index : 1;
  for (const { index } of needed) {
    for (; next < index && missing.length < MISSING_NAMED; next += 1) missing.push(next);
    next = index + 1;
  }
  return { names: needed.map(({ name }) => name), missing };
}

const MISSING_NAMED = 10;

/**
 * When a part that Databricks delivered was closed (`eventlog-2024-01-31--09-30.gz`): its date as
 * text, to be compared. The part that is being written has none and is the newest: `eventlog`.
 * Null if the file is named otherwise.
 */
export function deliveredPart(name: string): string | null {
  const match = /^eventlog(?:-(\d{4}-\d\d-\d\d--\d\d-\d\d(?:-\d\d)?))?(?:\.[a-z0-9]+)?$/.exec(name);
  return match && (match[1] ?? NEWEST);
}

const NEWEST = '9999';

/** The parts that Databricks delivered, in their order; empty if these are none. */
export function deliveredOrder(names: readonly string[]): string[] {
  const parts = names.flatMap(name => {
    const date = deliveredPart(name);
    return date === null ? [] : [{ name, date }];
  });
  if (!parts.some(({ date }) => date !== NEWEST)) return [];
  return parts
    .sort((a, b) => (a.date === b.date ? compare(a.name, b.name) : compare(a.date, b.date)))
    .map(({ name }) => name);
}

export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
