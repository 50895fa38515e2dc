import { fields, flag, list, number, text, type Fields } from '../eventlog/json-fields.js';
import type {
  ContainerEnd,
  Observation,
  Outcome,
  StatusReason,
  SparkProcess
} from '../observation.js';

const OUTCOMES: readonly unknown[] = ['running', 'ok', 'error', 'cancelled'];
const SHARE_STATES = ['hung', 'gone'] as const;
const ROLES = ['driver', 'executor', 'kernel'] as const;

/**
 * Reads one line of an evidence file: the JSON of an observation.
 * @returns the observation, or an error message if the line is not one
 */
export function readObservation(line: string): Observation | string {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch (error) {
    return `not JSON: ${(error as Error).message}`;
  }
  return observationOf(json);
}

/** Earlier names of kinds in recorded files. */
const RENAMED_KINDS: Readonly<Record<string, Observation['kind']>> = { room: 'capacity' };

/** Reads an observation from parsed JSON. */
export function observationOf(json: unknown): Observation | string {
  const it = fields(json);
  if (!it) return 'not a JSON object';
  const recorded = text(it, 'kind') ?? '';
  const kind = Object.hasOwn(RENAMED_KINDS, recorded) ? RENAMED_KINDS[recorded]! : recorded;
  const read = Object.hasOwn(READERS, kind) ? READERS[kind as Observation['kind']] : undefined;
  return read?.(it) ?? `unknown kind of observation: ${JSON.stringify(it['kind'])}`;
}

const READERS: Record<Observation['kind'], (it: Fields) => Observation | string> = {
  event: it => ({ kind: 'event', event: it['event'], ref: refOf(it) }),
  cgroup: readCgroup,
  memory: readMemory,
  cell: readCell,
  'kernel-died': it => {
    const at = number(it, 'at');
    if (at === null) return 'a kernel-died observation needs at';
    return {
      kind: 'kernel-died',
      at,
      exitCode: number(it, 'exitCode'),
      cell: text(it, 'cell'),
      run: number(it, 'run'),
      killed: number(it, 'killed') ?? 0,
      limitMiB: number(it, 'limitMiB'),
      quote: text(it, 'quote') ?? '',
      ref: refOf(it)
    };
  },
  log: it => ({
    kind: 'log',
    who: whoOf(it) ?? 'driver',
    at: number(it, 'at'),
    text: text(it, 'text') ?? '',
    ref: refOf(it)
  }),
  pod: readPod,
  'pod-event': it => {
    const name = text(it, 'name');
    const reason = text(it, 'reason');
    if (name === null || reason === null) return 'a pod-event observation needs name and reason';
    return {
      kind: 'pod-event',
      name,
      uid: text(it, 'uid') ?? '',
      reason,
      message: text(it, 'message') ?? '',
      at: number(it, 'at'),
      count: number(it, 'count') ?? 1,
      ref: refOf(it)
    };
  },
  yarn: it => ({
    kind: 'yarn',
    application: text(it, 'application'),
    container: text(it, 'container'),
    state: text(it, 'state'),
    diagnostics: text(it, 'diagnostics') ?? '',
    at: number(it, 'at'),
    ref: refOf(it)
  }),
  client: it => ({
    kind: 'client',
    name: text(it, 'name') ?? '',
    message: text(it, 'message') ?? '',
    cell: text(it, 'cell'),
    run: number(it, 'run'),
    at: number(it, 'at'),
    ref: refOf(it)
  }),
  capacity: it => {
    const at = number(it, 'at');
    const memoryMiB = number(it, 'memoryMiB');
    const cores = number(it, 'cores');
    if (at === null || memoryMiB === null || cores === null) {
      return 'a capacity observation needs at, memoryMiB and cores';
    }
    return { kind: 'capacity', at, memoryMiB, cores, ref: refOf(it) };
  },
  share: it => {
    const share = text(it, 'share');
    const at = number(it, 'at');
    if (share === null || at === null) return 'a share observation needs share and at';
    const message = text(it, 'message') ?? '';
    const state = SHARE_STATES.find(one => one === it['state']);
    const since = number(it, 'since');
    return {
      kind: 'share',
      share,
      available: flag(it, 'available'),
      ...(state && { state }),
      at,
      ...(since !== null && { since }),
      message,
      ref: refOf(it)
    };
  },
  time: it => {
    const at = number(it, 'at');
    return at === null ? 'a time observation needs at' : { kind: 'time', at };
  },
  end: () => ({ kind: 'end' })
};

function readCgroup(it: Fields): Observation | string {
  const executor = text(it, 'executor');
  const at = number(it, 'at');
  const oomKills = number(it, 'oomKills');
  const limitMiB = number(it, 'limitMiB');
  if (executor === null || at === null || oomKills === null || limitMiB === null) {
    return 'a cgroup observation needs executor, at, oomKills and limitMiB';
  }
  return {
    kind: 'cgroup',
    executor,
    at,
    oomKills,
    limitMiB,
    peakMiB: number(it, 'peakMiB'),
    anonMiB: number(it, 'anonMiB'),
    processes: objects(it, 'processes').map(process => ({
      pid: number(process, 'pid') ?? 0,
      name: text(process, 'name') ?? '',
      rssMiB: number(process, 'rssMiB') ?? 0
    })),
    quote: text(it, 'quote') ?? `oom_kill ${oomKills}`,
    ref: refOf(it)
  };
}

function readMemory(it: Fields): Observation | string {
  const who = whoOf(it);
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

function readPod(it: Fields): Observation | string {
  const name = text(it, 'name');
  if (name === null) return 'a pod observation needs name';
  return {
    kind: 'pod',
    name,
    uid: text(it, 'uid') ?? '',
    role: ROLES.find(role => role === it['role']) ?? null,
    executor: text(it, 'executor'),
    application: text(it, 'application'),
    version: number(it, 'version') ?? 0,
    deletedAt: number(it, 'deletedAt'),
    scheduled: flag(it, 'scheduled'),
    ran: flag(it, 'ran'),
    ends: objects(it, 'ends').flatMap(readEnd),
    waiting: readStatusReason(it['waiting']),
    unschedulable: readStatusReason(it['unschedulable']),
    disrupted: readStatusReason(it['disrupted']),
    limitMiB: number(it, 'limitMiB'),
    requestMiB: number(it, 'requestMiB'),
    node: text(it, 'node'),
    ref: refOf(it)
  };
}

function readEnd(it: Fields): ContainerEnd[] {
  const exitCode = number(it, 'exitCode');
  if (exitCode === null) return [];
  return [
    {
      container: text(it, 'container') ?? '',
      exitCode,
      reason: text(it, 'reason'),
      message: text(it, 'message'),
      at: number(it, 'at')
    }
  ];
}

function readStatusReason(json: unknown): StatusReason | null {
  const it = fields(json);
  const reason = it && text(it, 'reason');
  return it && reason !== null
    ? { reason, message: text(it, 'message'), at: number(it, 'at') }
    : null;
}

function whoOf(it: Fields): SparkProcess | null {
  if (it['who'] === 'driver') return 'driver';
  const who = fields(it['who']);
  const executor = who && text(who, 'executor');
  return executor === null ? null : { executor };
}

function refOf(it: Fields): string {
  return text(it, 'ref') ?? '';
}

function objects(it: Fields, key: string): Fields[] {
  return list(it, key)
    .map(fields)
    .filter(one => one !== null);
}
