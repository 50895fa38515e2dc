/**
 * File names of event logs. Sources: Spark's EventLogFileWriters.scala and EventLogFileReaders.scala; Databricks'
 * cluster log delivery.
 */

/** A part of a rolling log: `events_<index>_<application>[.codec][.compact]`. */
export interface RollingPart {
  index: number;
  compacted: boolean;
}

/** The application after which a rolling directory or a single file is named. */
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

/** The parts to read, in order: a compacted file replaces all parts up to its index. */
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
  // Without a compacted file the log starts with 1; deleted parts are worth a message.
  let next = from >= 0 ? needed[0]!.index : 1;
  for (const { index } of needed) {
    for (; next < index && missing.length < MISSING_NAMED; next += 1) missing.push(next);
    next = index + 1;
  }
  return { names: needed.map(({ name }) => name), missing };
}

const MISSING_NAMED = 10;

/**
 * When a part that Databricks delivered was closed (`eventlog-2024-01-31--09-30.gz`), as text that sorts by time. The
 * part that is being written has no time and is the latest: `eventlog`. Null for other names.
 */
export function deliveredPart(name: string): string | null {
  const match = /^eventlog(?:-(\d{4}-\d\d-\d\d--\d\d-\d\d(?:-\d\d)?))?(?:\.[a-z0-9]+)?$/.exec(name);
  return match && (match[1] ?? NEWEST);
}

const NEWEST = '9999';

/** The parts that Databricks delivered, in order; empty if these are not such parts. */
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
