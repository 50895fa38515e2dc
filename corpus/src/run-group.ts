import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { differences, differencesByStop, differencesOfLogs } from './compare-findings.js';
import type { Case, Cell } from './case.js';
import { Client, type CellReport } from './client.js';
import { CorpusCluster, type Conclusions, type MachineRoom } from './cluster.js';
import { clientScript } from './installation.js';
import { endings, judge, type RunFrame, type Verdict } from './check-findings.js';
import { RunningCase } from './running-case.js';
import type { Group } from './selection.js';

interface Ran {
  one: Case;
  seconds: number;
  cells: (CellReport & { code: string })[];
}

export type CaseResult = Ran & Verdict;

export interface GroupResult {
  results: CaseResult[];
  conclusions: Conclusions;
  /** Where live and offline differ, one sentence each: they must not. */
  disagreements: string[];
}

/** Evidence comes on several ways; after this time all of a cell's is there, ms. */
const SETTLE_MS = 1_500;
/** A cell that hangs is a failed case, not a run that never ends, ms. */
const CELL_MS = 600_000;

/**
 * Runs the cases of a group on one cluster, one after the other, and judges what was found. Whatever happens, and
 * at the signal, the cluster is ended; then `keep` sees its files, without a result if there is none.
 */
export async function runGroup(
  group: Group,
  room: MachineRoom,
  keep: (cluster: CorpusCluster, result: GroupResult | null) => Promise<void>,
  abort: AbortSignal
): Promise<GroupResult> {
  const cluster = new CorpusCluster(room, `${group.name}-${process.pid}`, group.cases[0]!);
  const recording: Promise<void>[] = [];
  const client = new Client(room.installation.python, clientScript, report => {
    recording.push(cluster.record({ kind: 'cell', ...report }));
  });
  let result: GroupResult | null = null;
  const work = async (): Promise<GroupResult> => {
    const startedAt = Date.now();
    await client.connect(await cluster.start());
    const ran: Ran[] = [];
    for (const one of group.cases) {
      const begun = Date.now();
      const cells = await runCase(one, cluster, client, room);
      ran.push({ one, seconds: (Date.now() - begun) / 1000, cells });
    }
    await sleep(SETTLE_MS);
    await Promise.all(recording);
    const conclusions = await cluster.conclude();
    const slots = cluster.shape.executors.max * cluster.shape.executorCores;
    result = conclude(ran, conclusions, { startedAt, endedAt: Date.now(), slots });
    return result;
  };
  const aborted = new Promise<never>((_, reject) => {
    abort.addEventListener('abort', () => reject(new Error('it was interrupted')));
  });
  try {
    abort.throwIfAborted();
    return await Promise.race([work(), aborted]);
  } finally {
    client.close();
    await cluster.close();
    await keep(cluster, result);
  }
}

function conclude(ran: readonly Ran[], conclusions: Conclusions, frame: RunFrame): GroupResult {
  const { atWork, live, offline, eventLog, unread } = conclusions;
  return {
    results: ran.map(each => {
      const { found, differences: said } = judge(each.one, live, frame);
      return { ...each, found, differences: [...endings(each.one, each.cells), ...said] };
    }),
    conclusions,
    disagreements: [
      ...unread.map(text => `not to be read: ${text}`),
      ...differences(live, offline).map(text => `live and files: ${text}`),
      ...differencesOfLogs(live, eventLog).map(text => `live and event log: ${text}`),
      ...differencesByStop(atWork, live).map(text => `by the stop: ${text}`)
    ]
  };
}

async function runCase(
  one: Case,
  cluster: CorpusCluster,
  client: Client,
  room: MachineRoom
): Promise<CaseResult['cells']> {
  const directory = join(room.directory, 'cells', one.name);
  await mkdir(directory, { recursive: true });
  const place = {
    driver: await cluster.driver(),
    cgroup: cluster.cgroup,
    scratch: cluster.scratch,
    directory
  };
  const running = new RunningCase(one, cluster.diagnosis, place, cell =>
    client.interrupt(one, cell)
  );
  const [cells] = await Promise.all([
    runCells(one, cell => withDeadline(client.run(one, cell, directory), one, cell)),
    one.during?.(running)
  ]);
  return cells;
}

async function runCells(
  one: Case,
  run: (cell: Cell) => Promise<CellReport>
): Promise<CaseResult['cells']> {
  const done: CaseResult['cells'] = [];
  for (const together of batches(one.cells)) {
    const reports = await Promise.all(together.map(run));
    done.push(...reports.map((report, i) => ({ ...report, code: together[i]!.code })));
  }
  return done;
}

/** Cells that begin together, in their order. */
export function batches(cells: readonly Cell[]): Cell[][] {
  const all: Cell[][] = [];
  for (const cell of cells) {
    if (cell.together) all.at(-1)!.push(cell);
    else all.push([cell]);
  }
  return all;
}

async function withDeadline<T>(work: Promise<T>, one: Case, cell: Cell): Promise<T> {
  const timer = new AbortController();
  const late = sleep(CELL_MS, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`${one.name}: cell ${cell.name} did not end within ${CELL_MS / 1000} s`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    timer.abort();
    late.catch(() => undefined);
  }
}
