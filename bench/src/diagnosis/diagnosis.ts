import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { link, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { median, printTable, seconds } from '../figures.js';
import { sparkHome } from '../installation.js';
import { generateLog } from './generate.js';
import { measureHistoryServer, type HistoryFigures } from './history-server.js';
import type { Figures, Way } from './run.js';

const GB = 1e9;
const MB = 1e6;
/** The packed log. */
const ZSTD_GB = 1;
const ROUNDS = 3;

/**
 * Speed and memory of the diagnosis on generated logs, beside JSON.parse of every line, and beside Spark's History
 * Server on the same file. On a busy machine the CPU time tells more than the clock. Every measurement is a process of its own, one after the other in each round.
 *
 *     npm run bench -- diagnosis [--sizes=0.1,1,3] [--history-up-to=GB]
 */
export async function benchDiagnosis(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      sizes: { type: 'string', default: '0.1,1,3' },
      'history-up-to': { type: 'string', default: '3' }
    },
    strict: false
  });
  const sizes = String(values.sizes).split(',').map(Number);
  const historyUpTo = existsSync(join(sparkHome, 'jars')) ? Number(values['history-up-to']) : 0;
  const folder = await mkdtemp(join(tmpdir(), 'aglais-bench-logs-'));
  const rows = [['log', 'way', 'time', 'MB/s of JSON', 'of the floor', 'peak memory', 'CPU time']];
  try {
    for (const size of sizes) rows.push(...(await measured(folder, size, false, historyUpTo)));
    const packed = Math.min(ZSTD_GB, Math.max(...sizes));
    rows.push(...(await measured(folder, packed, true, 0)));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  printTable('Diagnosis of generated logs', rows);
}

async function measured(
  folder: string,
  gigabytes: number,
  zstd: boolean,
  historyUpTo: number
): Promise<string[][]> {
  // Spark takes what follows a dot in the file's name for a codec.
  const application = `app-bench-${gigabytes * 1000}mb`;
  const directory = join(folder, zstd ? `zstd-${gigabytes}` : `plain-${gigabytes}`);
  const path = join(directory, zstd ? `${application}.zstd` : application);
  const json = generateLog(path, gigabytes * GB, application, zstd);
  const { size } = await stat(path);
  const twin = join(folder, 'twin');
  await link(path, twin);
  const floor: Figures[] = [];
  const ours: Figures[] = [];
  const both: Figures[] = [];
  let history: HistoryFigures | string | null = null;
  for (let round = 0; round < ROUNDS; round += 1) {
    floor.push(await inProcess('parse', path));
    ours.push(await inProcess('diagnose', path));
    both.push(await inProcess('side-by-side', path, twin));
    process.stdout.write('.');
  }
  if (gigabytes <= historyUpTo) {
    history = await measureHistoryServer(directory, application).catch(String);
  }
  await rm(directory, { recursive: true });
  await rm(twin);

  const floorMs = median(floor.map(({ ms }) => ms));
  const speed = (ms: number, logs = 1): number => (logs * json) / MB / (ms / 1000);
  const name = `${gigabytes} GB${zstd ? ` (zstd, ${(size / MB).toFixed(0)} MB)` : ''}`;
  const row = (
    way: string,
    ms: number,
    peakMiB: number | null,
    logs = 1,
    cpuMs: number | null = null
  ): string[] => [
    name,
    way,
    seconds(ms),
    speed(ms, logs).toFixed(0),
    (speed(ms, logs) / speed(floorMs)).toFixed(2),
    peakMiB === null ? 'unknown' : `${peakMiB.toFixed(0)} MiB`,
    cpuMs === null ? '' : seconds(cpuMs)
  ];
  const of = (way: string, figures: Figures[], logs = 1): string[] =>
    row(
      way,
      median(figures.map(({ ms }) => ms)),
      median(figures.map(({ peakMiB }) => peakMiB)),
      logs,
      median(figures.map(({ cpuMs }) => cpuMs))
    );
  return [
    of('JSON.parse of every line', floor),
    of('diagnosis, one thread', ours),
    of('diagnosis, two such logs, two threads', both, 2),
    ...(typeof history === 'string' ? [[name, `History Server: ${history}`]] : []),
    ...(history !== null && typeof history === 'object'
      ? [
          row('History Server, to its answer', history.totalMs, history.peakMiB),
          row('the same without its start', history.totalMs - history.startMs, history.peakMiB)
        ]
      : [])
  ];
}

function inProcess(way: Way, ...paths: string[]): Promise<Figures> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'run.js'), way, ...paths], {
    stdio: ['ignore', 'pipe', 'inherit']
  });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', code => {
      if (code === 0) resolve(JSON.parse(text) as Figures);
      else reject(new Error(`${way} ended with ${code}`));
    });
  });
}
