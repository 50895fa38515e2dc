import { fields, list, number, text, type Fields } from './eventlog/fields.js';

export type Outcome = 'running' | 'ok' | 'error' | 'cancelled';

/** One process of an executor's memory cgroup, as seen shortly before or at a kill. */
export interface ProcessMemory {
  pid: number;
  /** `java`, `python`, or the command's name. */
  name: string;
  rssMiB: number;
}

/** The counters of one executor's memory cgroup (v1 or v2). */
export interface CgroupObservation {
  kind: 'cgroup';
  executor: string;
  at: number;
  /** Processes that the kernel's OOM killer has killed in it so far: cumulative. */
  oomKills: number;
  limitMiB: number;
  /** Most memory ever used; null if the kernel does not tell. */
  peakMiB: number | null;
  anonMiB?: number | null;
  processes?: ProcessMemory[];
  /** The counter's own words, e.g. `oom_kill 1`. */
  quote: string;
  ref: string;
}

/** A periodic sample of one process group's memory. */
export interface MemoryObservation {
  kind: 'memory';
  who: 'driver' | { executor: string };
  at: number;
  limitMiB: number | null;
  rssMiB: number;
  pythonMiB: number | null;
  heapUsedMiB: number | null;
  heapLimitMiB: number | null;
}

/** The kernel says that a run of a cell began or ended. */
export interface CellObservation {
  kind: 'cell';
  cell: string;
  run: number;
  outcome: Outcome;
  at: number;
  error?: { name: string; message: string };
}

/** A line of a driver's or executor's own log. Kept for detectors to come; none reads it yet. */
export interface LogObservation {
  kind: 'log';
  who: 'driver' | { executor: string };
  at: number | null;
  text: string;
  ref: string;
}

/** One piece of evidence, from whatever source. Different sources may come in any order, and late. */
export type Observation =
  | { kind: 'event'; event: unknown; ref: string }
  | CgroupObservation
  | MemoryObservation
  | CellObservation
  | LogObservation;

const OUTCOMES: readonly unknown[] = ['running', 'ok', 'error', 'cancelled'];

/**
 * Reads one line of an evidence file: the JSON of an observation.
 * Returns what is wrong with it, as a sentence, if it is none.
 */
export function readObservation(line: string): Observation | string {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch (error) {
    return `not JSON: ${(error as Error).message}`;
  }
  const it = fields(json);
  if (!it) return 'not a JSON object';
  const kind = text(it, 'kind');
  switch (kind) {
    case 'event':
      return { kind, event: it['event'], ref: text(it, 'ref') ?? '' };
    case 'cgroup':
      return readCgroup(it);
    case 'memory':
      return readMemory(it);
    case 'cell':
      return readCell(it);
    case 'log':
      return {
        kind,
        who: readWho(it) ?? 'driver',
        at: number(it, 'at'),
        text: text(it, 'text') ?? '',
        ref: text(it, 'ref') ?? ''
      };
    default:
      return `unknown kind of observation: ${JSON.stringify(it['kind'])}`;
  }
}

function readCgroup(it: Fields): Observation | string {
  const executor = text(it, 'executor');
  const at = number(it, 'at');
  const oomKills = number(it, 'oomKills');
  const limitMiB = number(it, 'limitMiB');
  if (executor === null || at === null || oomKills === null || limitMiB === null) {
    return 'a cgroup observation needs executor, at, oomKills and limitMiB';
  }
  const processes = list(it, 'processes').map(fields);
  return {
    kind: 'cgroup',
    executor,
    at,
    oomKills,
    limitMiB,
    peakMiB: number(it, 'peakMiB'),
    anonMiB: number(it, 'anonMiB'),
    processes: processes.flatMap(process =>
      process
        ? [
            {
              pid: number(process, 'pid') ?? 0,
              name: text(process, 'name') ?? '',
              rssMiB: number(process, 'rssMiB') ?? 0
            }
          ]
        : []
    ),
    quote: text(it, 'quote') ?? `oom_kill ${oomKills}`,
    ref: text(it, 'ref') ?? ''
  };
}

function readMemory(it: Fields): Observation | string {
  const who = readWho(it);
  const at = number(it, 'at');
  const rssMiB = number(it, 'rssMiB');
  if (who === null || at === null || rssMiB === null) {
    return 'a memory observation needs who, at and rssMiB';
  }
  return {
    kind: 'memory',
    who,
    at,
    limitMiB: number(it, 'limitMiB'),
    rssMiB,
    pythonMiB: number(it, 'pythonMiB'),
    heapUsedMiB: number(it, 'heapUsedMiB'),
    heapLimitMiB: number(it, 'heapLimitMiB')
  };
}

function readCell(it: Fields): Observation | string {
  const cell = text(it, 'cell');
  const run = number(it, 'run');
  const at = number(it, 'at');
  const outcome = it['outcome'];
  if (cell === null || run === null || at === null || !OUTCOMES.includes(outcome)) {
    return 'a cell observation needs cell, run, at and an outcome (running, ok, error or cancelled)';
  }
  const error = fields(it['error']);
  return {
    kind: 'cell',
    cell,
    run,
    at,
    outcome: outcome as Outcome,
    ...(error && {
      error: { name: text(error, 'name') ?? '', message: text(error, 'message') ?? '' }
    })
  };
}

function readWho(it: Fields): 'driver' | { executor: string } | null {
  if (it['who'] === 'driver') return 'driver';
  const who = fields(it['who']);
  const executor = who && text(who, 'executor');
  return executor === null ? null : { executor };
}
