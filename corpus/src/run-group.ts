import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { differences, differencesByStop, differencesOfLogs } from './compare-findings.js';
import type { Case, Cell } from './case.js';
import { Client, type CellReport } from './client.js';
import { CorpusCluster, type Conclusions, type CorpusEnvironment } from './cluster.js';
import { clientScript } from './installation.js';
import {
  checkFindings,
  unexpectedOutcomes,
  type CheckResult,
  type RunFrame
} from './check-findings.js';
import { RunningCase } from './running-case.js';
import type { Group } from './selection.js';

interface Ran {
  one: Case;
  seconds: number;
  cells: (CellReport & { code: string })[];
}

export type CaseResult = Ran & CheckResult;

export interface GroupResult {
  results: CaseResult[];
  conclusions: Conclusions;
  /** Differences between live and offline findings, one sentence each; there must be none. */
  disagreements: string[];
}

/** Evidence arrives from several sources; after this time all evidence of a cell has arrived, ms. */
const SETTLE_MS = 1_500;
/** A cell that hangs fails its case after this time, ms. */
const CELL_MS = 600_000;

/**
 * Runs the cases of a group on one cluster, one after the other, and checks the findings. The cluster is always removed,
 * also on abort; then `keep` gets its files, with the result if there is one.
 */
export async function runGroup(
  group: Group,
  environment: CorpusEnvironment,
  keep: (cluster: CorpusCluster, result: GroupResult | null) => Promise<void>,
  abort: AbortSignal
): Promise<GroupResult> {
  const cluster = new CorpusCluster(environment, `${group.name}-${process.pid}`, group.cases[0]!);
  const recording: Promise<void>[] = [];
  const client = new Client(environment.installation.python, clientScript, report => {
    recording.push(cluster.record({ kind: 'cell', ...report }));
  });
  let result: GroupResult | null = null;
  const work = async (): Promise<GroupResult> => {
    const startedAt = Date.now();
    await client.connect(await cluster.start());
    const ran: Ran[] = [];
    for (const one of group.cases) {
      const begun = Date.now();
      const cells = await runCase(one, cluster, client, environment);
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
    abort.addEventListener('abort', () => reject(new Error('interrupted')));
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
  const { beforeStop, live, offline, eventLog, unread } = conclusions;
  return {
    results: ran.map(each => {
      const { found, differences: unexpected } = checkFindings(each.one, live, frame);
      return {
        ...each,
        found,
        differences: [...unexpectedOutcomes(each.one, each.cells), ...unexpected]
      };
    }),
    conclusions,
    disagreements: [
      ...unread.map(text => `unreadable: ${text}`),
      ...differences(live, offline).map(text => `live and files: ${text}`),
      ...differencesOfLogs(live, eventLog).map(text => `live and event log: ${text}`),
      ...differencesByStop(beforeStop, live).map(text => `after the stop: ${text}`)
    ]
  };
}

async function runCase(
  one: Case,
  cluster: CorpusCluster,
  client: Client,
  environment: CorpusEnvironment
): Promise<CaseResult['cells']> {
  const directory = join(environment.directory, 'cells', one.name);
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

/** Groups of cells that start together. */
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
