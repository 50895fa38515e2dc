import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { link, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { median, printTable, seconds } from '../report.js';
import { sparkHome } from '../installation.js';
import { generateLog } from './generate.js';
import { measureHistoryServer, type HistoryServerResult } from './history-server.js';
import type { Result, Mode } from './run.js';

const GB = 1e9;
const MB = 1e6;
/** The compressed log. */
const ZSTD_GB = 1;
const ROUNDS = 3;

/**
 * Speed and memory of the diagnosis on generated logs, compared with JSON.parse of every line and with Spark's History
 * Server on the same file. On a busy machine CPU time is more reliable than wall time. Every measurement runs in a
 * separate process, one after the other in each round.
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
  const rows = [
    ['log', 'mode', 'time', 'MB/s of JSON', 'of JSON.parse', 'peak memory', 'CPU time']
  ];
  try {
    for (const size of sizes) rows.push(...(await measured(folder, size, false, historyUpTo)));
    const compressed = Math.min(ZSTD_GB, Math.max(...sizes));
    rows.push(...(await measured(folder, compressed, true, 0)));
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
  // Spark takes the extension of the file for a codec.
  const application = `app-bench-${gigabytes * 1000}mb`;
  const directory = join(folder, zstd ? `zstd-${gigabytes}` : `plain-${gigabytes}`);
  const path = join(directory, zstd ? `${application}.zstd` : application);
  const json = generateLog(path, gigabytes * GB, application, zstd);
  const { size } = await stat(path);
  const twin = join(folder, 'twin');
  await link(path, twin);
  const floor: Result[] = [];
  const ours: Result[] = [];
  const both: Result[] = [];
  let history: HistoryServerResult | string | null = null;
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
    mode: string,
    ms: number,
    peakMiB: number | null,
    logs = 1,
    cpuMs: number | null = null
  ): string[] => [
    name,
    mode,
    seconds(ms),
    speed(ms, logs).toFixed(0),
    (speed(ms, logs) / speed(floorMs)).toFixed(2),
    peakMiB === null ? 'unknown' : `${peakMiB.toFixed(0)} MiB`,
    cpuMs === null ? '' : seconds(cpuMs)
  ];
  const of = (mode: string, results: Result[], logs = 1): string[] =>
    row(
      mode,
      median(results.map(({ ms }) => ms)),
      median(results.map(({ peakMiB }) => peakMiB)),
      logs,
      median(results.map(({ cpuMs }) => cpuMs))
    );
  return [
    of('JSON.parse of every line', floor),
    of('diagnosis, one thread', ours),
    of('diagnosis, two logs, two threads', both, 2),
    ...(typeof history === 'string' ? [[name, `History Server: ${history}`]] : []),
    ...(history !== null && typeof history === 'object'
      ? [
          row('History Server, until it lists the jobs', history.totalMs, history.peakMiB),
          row('the same without starting it', history.totalMs - history.startMs, history.peakMiB)
        ]
      : [])
  ];
}

function inProcess(mode: Mode, ...paths: string[]): Promise<Result> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'run.js'), mode, ...paths], {
    stdio: ['ignore', 'pipe', 'inherit']
  });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', code => {
      if (code === 0) resolve(JSON.parse(text) as Result);
      else reject(new Error(`${mode} ended with exit code ${code}`));
    });
  });
}
